"""What a run has come to: everything that a checkpoint keeps, and nothing that can be computed again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from tlcore.models.freezing import drift, moving
from tlcore.models.network import Network
from tlcore.strategies import Plan


@dataclass
class Best:
    """The epoch with the lowest validation loss so far, and the tensors as they were at its end."""

    epoch: int
    loss: float | None  # None without validation images
    tensors: dict[str, torch.Tensor]


@dataclass
class State:
    """Where training stands. Between two events of `fit` it is whole, so it can be saved there.

    Counters are of what is done: `step` steps in all, `step_in_epoch` of them in `epoch` (both from 0).
    """

    network: Network
    movable: dict[str, torch.Tensor]  # the network's own tensors that the plan may change, by name
    start: dict[str, torch.Tensor]  # their values before the first step
    phase: int = 0
    phase_epoch: int = 0  # epochs done in this phase
    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0  # over the epoch's images so far
    pull_sum: float = 0.0  # as `loss_sum`, of what the pull adds to the loss
    correct: int = 0
    phase_best: float | None = None  # lowest validation loss in this phase, for the patience
    stale_epochs: int = 0  # epochs since then
    converged: bool = False  # the head's solver, in the round of this epoch
    rate_shares: dict[str, float] = field(default_factory=dict)  # of this epoch, by `measured_rates`; empty: not measured
    stopped_early: bool = False
    images_at_once: int | None = None  # None: the whole batch; less after memory ran out
    train_seconds: float = 0.0  # spent in steps
    epoch_seconds: float = 0.0  # spent in this epoch's steps
    source_seconds: float = 0.0  # spent in looks at what is still known of the source: no training time
    seconds: float = 0.0  # of the whole run, until the last checkpoint
    best: Best | None = None
    history: list[dict[str, Any]] = field(default_factory=list)  # epoch events
    notices: list[dict[str, str]] = field(default_factory=list)
    optimizer: torch.optim.Optimizer | None = None  # of this phase; None before its first step
    scaler: torch.amp.GradScaler | None = None

    @classmethod
    def fresh(cls, network: Network, plan: Plan) -> State:
        """The state before the first step."""
        movable = movable_tensors(network, plan)
        return cls(network, movable, {name: tensor.detach().clone() for name, tensor in movable.items()})

    def keep_as_best(self, epoch: int, loss: float | None) -> None:
        self.best = Best(epoch, loss, {name: tensor.detach().clone() for name, tensor in self.movable.items()})

    def restore_best(self) -> None:
        """Put the best epoch's tensors back into the network."""
        if self.best is not None:
            put_back(self.movable, self.best.tensors)

    def drift(self) -> dict[str, float]:
        """How far each layer group has moved from its start, by `models.freezing.drift`; 0 where nothing may move."""
        return drift(self.network, self.start)


def put_back(into: dict[str, torch.Tensor], values: dict[str, torch.Tensor]) -> None:
    """Copy `values` into the tensors of the same names, in place."""
    with torch.no_grad():
        for name, tensor in into.items():
            tensor.copy_(values[name])


def movable_tensors(network: Network, plan: Plan) -> dict[str, torch.Tensor]:
    """The tensors that some phase may change: parameters that train, and the statistics of BatchNorm in train mode."""
    movable: dict[str, torch.Tensor] = {}
    for phase in plan.phases:
        movable.update(moving(network, phase))
    for group in network.groups:
        if any(phase.batchnorm[group.name] == "train" for phase in plan.phases):
            movable.update(network.buffers(group.name))
    return movable
