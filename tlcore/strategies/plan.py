"""The Plan: what a strategy means for one backbone and a number of epochs.

It is what the page previews, what the training loop executes and what the tests check. `None` for a rate means frozen;
a rate of 0 does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tlcore.errors import SpecError
from tlcore.groups import HEAD, Group, Moves, check_groups
from tlcore.strategies.rates import Measured
from tlcore.strategies.schedule import Ramp, Schedule
from tlcore.strategies.strategy import Strategy

BatchNormRun = Literal["eval", "train"]


@dataclass(frozen=True)
class Phase:
    """A stretch of epochs in which the same groups move at the same peak rates."""

    name: str
    epochs: int
    rates: Mapping[str, float | None]  # every group, the head last: peak learning rate, None where frozen
    batchnorm: Mapping[str, BatchNormRun]  # every group: frozen ones are always in eval
    schedule: Schedule | Ramp
    patience: int | None = None  # ends it after so many epochs without a lower validation loss; None: its epochs do
    measured: Measured | None = None  # what gives each group its share of the rate, epoch by epoch; None: all have all of it
    moves: Moves = "weights"  # what of a backbone group moves where it has a rate; the head always moves as a whole

    def trains(self, group: str) -> bool:
        return self.rates[group] is not None


@dataclass(frozen=True)
class Plan:
    """Phases in the order in which they run, over the same groups."""

    groups: tuple[Group, ...]
    phases: tuple[Phase, ...]
    adapters: Mapping[str, int] = field(default_factory=dict)  # weights that adapters add to a group, where it gets any

    @property
    def epochs(self) -> int:
        return sum(phase.epochs for phase in self.phases)

    @property
    def total_params(self) -> int:
        """Parameters of the network, its adapters counted."""
        return sum(group.params for group in self.groups) + sum(self.adapters.values())

    @property
    def trainable_params(self) -> int:
        """Parameters that move in any phase."""
        return sum(self.moving_params(group.name) for group in self.groups)

    def moving_params(self, name: str) -> int:
        """Parameters of the group called `name` that move in any phase."""
        group = next(group for group in self.groups if group.name == name)
        counts = {
            "weights": group.params,
            "norms": group.norm_params,
            "biases": group.bias_params,
            "adapters": self.adapters.get(name, 0),
        }
        moving = {"weights" if name == HEAD else phase.moves for phase in self.phases if phase.trains(name)}
        return max((counts[what] for what in moving), default=0)

    def phase_of_epoch(self, epoch: int) -> int:
        """The index of the phase that `epoch` (from 0) belongs to when no phase ends early."""
        for index, phase in enumerate(self.phases):
            if epoch < phase.epochs:
                return index
            epoch -= phase.epochs
        raise IndexError("past the last epoch of the plan")

    def as_dict(self) -> dict[str, object]:
        """Plain data for `result.json` and the pages; `Plan.from_dict` reads it back."""
        return asdict(self) | {
            "trainable_params": self.trainable_params,
            "total_params": self.total_params,
            "moving_params": {group.name: self.moving_params(group.name) for group in self.groups},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Plan:
        groups = tuple(Group(**group) for group in data["groups"])  # type: ignore[attr-defined]
        return cls(groups, tuple(_phase(phase) for phase in data["phases"]), data.get("adapters", {}))  # type: ignore


def _phase(data: Mapping[str, Any]) -> Phase:
    measured = data.get("measured")
    return Phase(**{**data, "measured": Measured(**measured) if measured else None})


def compile_plan(strategy: Strategy, groups: Sequence[Group], *, epochs: int, lr: float) -> Plan:
    """What `strategy` means for a backbone with `groups` (head last), `epochs` epochs and the head's rate `lr`."""
    check_groups(groups)
    if epochs < 1:
        raise SpecError(f"A run needs at least 1 epoch, but {epochs} were asked for.", next_step="Ask for 1 or more.")
    if not lr > 0:
        raise SpecError(
            f"A learning rate is above 0, but {lr:g} was given.",
            next_step="To freeze a group, leave it out of the scope.",
        )
    trainable = strategy.scope.trainable(groups)
    multipliers = strategy.rates.multipliers(groups) | {HEAD: 1.0}
    phases = []
    for stretch in strategy.phases.split(trainable, epochs):
        moving = {*stretch.groups, HEAD}
        rates = {g.name: lr * stretch.lr_mult * multipliers[g.name] if g.name in moving else None for g in groups}
        trained = strategy.scope.batchnorm == "trained"
        batchnorm: dict[str, BatchNormRun] = {g.name: "train" if trained and g.name in moving else "eval" for g in groups}
        measured = strategy.rates.measured if stretch.groups else None  # a head that moves alone has all of its rate
        schedule, patience = strategy.rates.schedule, stretch.patience
        moves = strategy.scope.moves
        phases.append(Phase(stretch.name, stretch.epochs, rates, batchnorm, schedule, patience, measured, moves))
    adapters = {group.name: added for group in groups if group.name in trainable and (added := strategy.scope.added(group))}
    return Plan(tuple(groups), tuple(phases), adapters)
