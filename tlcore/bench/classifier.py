"""The network as every peer gets it: the same weights, the same head, the same frozen part, the same optimizer."""

from __future__ import annotations

import torch
from torch import nn

from tlcore.bench.task import Task
from tlcore.data.transforms import augment, normalise
from tlcore.models.freezing import apply_phase, set_modes
from tlcore.models.network import Network, build
from tlcore.strategies import Phase, compile_plan
from tlcore.training.optimizer import build_optimizer


class Classifier(nn.Module):
    """Pictures, uint8 (B, S, S, 3), to logits (B, C). A whole forward pass for each batch, as users write it.

    Frozen weights have `requires_grad=False`, so that nothing is kept for a backward pass through them, and `train()`
    leaves the frozen part and all BatchNorm in eval mode. Augmentation and normalisation are done for the whole batch at
    once, which is several times faster than the transforms for single images that most people use: a gift to the peers.
    """

    def __init__(self, network: Network, phase: Phase, *, augmented: bool, flips: bool, seed: int, weight_decay: float) -> None:
        super().__init__()
        self.module = network.module
        self._network, self._phase = [network], phase  # in a list, so that it is no module of this one
        self.augmented, self.flips, self.seed, self.weight_decay = augmented, flips, seed, weight_decay
        self.steps = 0
        apply_phase(network, phase)

    def train(self, mode: bool = True) -> Classifier:
        super().train(mode)
        if mode:
            set_modes(self._network[0], self._phase)
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training and self.augmented:
            images = augment(images, seed=self.seed, step=self.steps, flips=self.flips)
            self.steps += 1
        look = self._network[0].preprocessing
        return self.module(normalise(images, look.mean, look.std).contiguous())

    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW over what may move: the head at the task's rate, the backbone at a tenth of it."""
        return build_optimizer(self._network[0], self._phase, "adamw", self.weight_decay)


def classifier_for(task: Task, classes: int, *, flips: bool) -> Classifier:
    """A fresh classifier: each call gives the same weights."""
    network = build(task.backbone, classes=classes, start=task.start, seed=task.seed, image_size=task.image_size)
    (phase,) = compile_plan(task.strategy, network.groups, epochs=task.epochs, lr=task.lr).phases
    return Classifier(network, phase, augmented=task.views > 0, flips=flips, seed=task.seed, weight_decay=task.weight_decay)
