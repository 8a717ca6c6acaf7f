"""Training a small network from a cut up, and asking it how many test images it names rightly.

The layers below the cut keep still, so what they make of an image is the same in every epoch: it is computed once, where it
fits into memory. That is why no image is augmented here. The last epoch's network counts, as in the paper: nothing is
chosen by looking at images, so the test split is looked at once. A head that trains alone is a convex problem, and solved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tlcore.analysis.small_network import SmallNetwork
from tlcore.data.load import Split
from tlcore.errors import Diverged
from tlcore.strategies.schedule import share_of_peak
from tlcore.training.chance import batch_at, order_of, steps_per_epoch
from tlcore.training.head import HeadProblem
from tlcore.training.machine import Machine
from tlcore.training.metrics import accuracy, confusion_matrix, loss

AT_ONCE = 256  # images of a pass without gradients
KEPT_BYTES = 1 << 30  # of what frozen layers make of all images; above it they are computed for each batch
WEIGHT_DECAY = 1e-4
MOST_ROUNDS = 20  # of 60 iterations each, to solve a head; one or two are enough


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. `order` seeds the order of the images."""

    epochs: int
    lr: float
    batch_size: int
    order: int


def train(
    network: SmallNetwork, split: Split, recipe: Recipe, machine: Machine, *, cut: int, at_step: Callable[[], None]
) -> float:
    """Train all above the lowest `cut` layers, which keep still; returns the last epoch's mean loss, or the solved head's.

    `at_step` is called before each step, and may raise. Raises `Diverged` where the loss is no number any more.
    """
    steady(network, cut)
    inputs, labels = Inputs(network, split, machine, cut), _labels(split, machine)
    if cut == len(network.layers):
        return solve(network, inputs, split, at_step)
    optimizer = optimizer_of(network, recipe)
    per_epoch = steps_per_epoch(len(split), recipe.batch_size)
    steps = per_epoch * recipe.epochs
    total = torch.zeros((), device=machine.device)
    for epoch in range(recipe.epochs):
        order = order_of(epoch, len(split), recipe.order)
        total.zero_()
        for step in range(per_epoch):
            at_step()
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * share_of_peak("cosine", epoch * per_epoch + step, steps)
            rows = torch.from_numpy(batch_at(order, step, recipe.batch_size)).to(machine.device)
            total += one_step(network, inputs, labels, rows, optimizer, cut) * len(rows)
        mean = float(total) / len(split)
        if not math.isfinite(mean):
            raise Diverged("The loss of a small network is no number any more.", next_step="Choose a lower learning rate.")
    return mean


def solve(network: SmallNetwork, inputs: Inputs, split: Split, at_round: Callable[[], None]) -> float:
    """Bring the head, which trains alone, to the minimum of its loss (`tlcore/training/head.py`); returns the loss there."""
    problem = HeadProblem(_HeadAlone(network, inputs, len(split)), split.labels, None, WEIGHT_DECAY)
    for _ in range(MOST_ROUNDS):
        at_round()
        found = problem.round()
        if found.converged:
            break
    if not math.isfinite(found.loss):
        raise Diverged("The loss of a small network's head is no number any more.", next_step="Start the experiment again.")
    return found.loss


class _HeadAlone:
    """The head of a small network on all its images, as what solves heads wants to see it."""

    def __init__(self, network: SmallNetwork, inputs: Inputs, images: int) -> None:
        with torch.no_grad():
            rows = torch.arange(images, device=network.head.weight.device).split(AT_ONCE)
            self._features = torch.cat([inputs.take(some).mean((2, 3)) for some in rows])
        self.suffix, self.network = network.head, self

    def all_features(self) -> tuple[Tensor, np.ndarray]:
        return self._features, np.arange(len(self._features))

    def parameters(self, _group: str) -> list[tuple[str, nn.Parameter]]:
        return [("weight", self.suffix.weight), ("bias", self.suffix.bias)]


def optimizer_of(network: SmallNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW over what moves; biases and norms, of one dimension, are not drawn to 0."""
    moving = [parameter for parameter in network.parameters() if parameter.requires_grad]
    sets = [
        {"params": [one for one in moving if one.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [one for one in moving if one.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(sets, lr=recipe.lr, fused=True)


def one_step(
    network: SmallNetwork, inputs: Inputs, labels: Tensor, rows: Tensor, optimizer: torch.optim.Optimizer, cut: int
) -> Tensor:
    """One step on these rows; returns its mean loss."""
    found = functional.cross_entropy(network.above(inputs.take(rows), cut), labels[rows])
    optimizer.zero_grad(set_to_none=True)
    found.backward()
    optimizer.step()
    return found.detach()


def steady(network: SmallNetwork, cut: int) -> None:
    """Freeze the lowest `cut` layers, their BatchNorm's statistics too, and let all else train."""
    network.train()
    for place, layer in enumerate(network.layers):
        layer.requires_grad_(place >= cut)
        layer.train(place >= cut)


class Inputs:
    """What reaches the cut, for each image: computed once, where it fits into memory."""

    def __init__(self, network: SmallNetwork, split: Split, machine: Machine, cut: int) -> None:
        self._network, self._cut = network, cut
        self._images = torch.from_numpy(np.ascontiguousarray(split.images)).to(machine.device)
        self._kept: Tensor | None = None
        with torch.no_grad():
            one = network.below(self._images[:1], cut)
            if cut and one.numel() * 4 * len(split) <= KEPT_BYTES:
                parts = [network.below(part, cut).permute(0, 2, 3, 1) for part in self._images.split(AT_ONCE)]
                self._kept = torch.cat(parts).contiguous()  # channels last, as the convolutions like it

    def take(self, rows: Tensor) -> Tensor:
        """float32 (B, C, H, W) of these images."""
        if self._kept is not None:
            return self._kept[rows].permute(0, 3, 1, 2)
        with torch.no_grad():
            return self._network.below(self._images[rows], self._cut)


@torch.no_grad()
def judge(network: SmallNetwork, split: Split, machine: Machine) -> tuple[float, float]:
    """The share of the images that are named rightly, and the mean loss."""
    network.eval()
    images = torch.from_numpy(np.ascontiguousarray(split.images))
    parts = [network(part.to(machine.device)).softmax(1).cpu() for part in images.split(AT_ONCE)]
    probabilities = torch.cat(parts).numpy()
    return accuracy(confusion_matrix(probabilities, split.labels)) or 0.0, loss(probabilities, split.labels) or 0.0


def _labels(split: Split, machine: Machine) -> Tensor:
    return torch.from_numpy(split.labels).to(machine.device)
