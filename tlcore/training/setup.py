"""What training depends on besides the state that it starts from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from tlcore.data.load import Split
from tlcore.errors import SpecError
from tlcore.strategies import Plan
from tlcore.strategies.pull import NoPull, Pull
from tlcore.training.chance import steps_per_epoch
from tlcore.training.machine import Machine
from tlcore.training.optimizer import OptimizerName
from tlcore.training.pull.source import Source
from tlcore.training.pull.term import Term
from tlcore.training.remembered import Remembered
from tlcore.training.route import Route
from tlcore.training.state import State


@dataclass(frozen=True)
class Setup:
    """The plan, the data, the machine, and how to go about it."""

    plan: Plan
    train: Split
    val: Split
    classes: tuple[str, ...]
    machine: Machine
    seed: int
    batch_size: int = 32
    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.01
    class_weights: bool = False  # weigh each class by N / (classes x its images), as scikit-learn's "balanced"
    patience: int | None = None  # epochs without a lower validation loss that end a phase
    augment: bool = True
    flips: bool = False
    test: Split | None = None  # looked at after the last epoch: counted in the time left
    routes: tuple[Route, ...] | None = None  # of each phase; None: through the whole network
    solved: tuple[bool, ...] = ()  # whether each phase is a head solved by L-BFGS; empty: none is
    pull: Pull = field(default_factory=NoPull)
    source: Source | None = None  # images of the old task, where the pull needs them
    remembered: Remembered | None = None  # what the network knew before, asked after each epoch; None: nothing is asked
    term: Term = field(default_factory=Term)  # made of the pull when `fit` begins, where it is not here yet

    def route(self, state: State) -> Route:
        """How pictures become logits where `state` stands; after the last phase, as in it."""
        if self.routes is not None:
            return self.routes[min(state.phase, len(self.routes) - 1)]
        splits = {"train": self.train, "val": self.val} | ({} if self.test is None else {"test": self.test})
        return Route(state.network, self.machine, splits, self.seed, self.augment, self.flips)

    def solves(self, phase: int) -> bool:
        """Whether the phase is a head that is solved by L-BFGS."""
        return bool(self.solved) and self.solved[phase]

    def steps_per_epoch(self, phase: int) -> int:
        return 1 if self.solves(phase) else steps_per_epoch(len(self.train.labels), self.batch_size)

    @property
    def steps(self) -> int:
        """Of the whole plan, where no phase ends early."""
        return sum(phase.epochs * self.steps_per_epoch(place) for place, phase in enumerate(self.plan.phases))

    @property
    def evaluation_batch_size(self) -> int:
        """Evaluation keeps no activations for a backward pass, so twice the batch needs no more memory."""
        return 2 * self.batch_size

    def weights(self) -> torch.Tensor | None:
        """The class weights, float32 (classes,), or None where all classes weigh the same."""
        if not self.class_weights:
            return None
        counts = np.bincount(self.train.labels, minlength=len(self.classes))
        balanced = counts.sum() / (len(self.classes) * np.maximum(counts, 1))
        return torch.from_numpy(balanced).float().to(self.machine.device)


def check_setup(setup: Setup) -> None:
    """Raise `SpecError` where BatchNorm would have to train on one image."""
    trains_batchnorm = any(mode == "train" for phase in setup.plan.phases for mode in phase.batchnorm.values())
    if trains_batchnorm and min(setup.batch_size, len(setup.train.labels)) < 2:
        raise SpecError(
            "BatchNorm cannot be trained on one image at a time.",
            next_step="Choose a batch size of 2 or more and at least 2 training images, or keep BatchNorm frozen.",
        )
