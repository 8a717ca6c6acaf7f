"""Rates: how fast each part moves, and along which schedule.

The head moves at the run's learning rate; a choice here says by what each backbone group's rate is multiplied.
A new choice is one class with a `multipliers` method, and its name in `Rates`. Where the multiples are measured while it
trains, `multipliers` says the most that a group can have, and `measured` what is measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tlcore.groups import Group
from tlcore.strategies.axis import Choice, Unit
from tlcore.strategies.schedule import Schedule


@dataclass(frozen=True)
class Measured:
    """What is measured at the start of each epoch, and gives each group that moves its share of its peak rate."""

    what: Literal["relative-gradient-norm", "signal-to-noise"]
    batches: int  # of the epoch's training images, the first ones
    threshold: float = 0.0  # signal-to-noise: a group below this share of the largest one keeps still for the epoch


class _Rates(Choice):
    schedule: Schedule = Field("cosine", title="Schedule", description="How the rates change within a phase.")

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        """For each backbone group, frozen or not, its rate as a multiple of the head's."""
        raise NotImplementedError

    @property
    def measured(self) -> Measured | None:
        """What is measured while it trains; None: the multiples stand before it begins."""
        return None


class Uniform(_Rates):
    """Every backbone group at the same rate."""

    kind: Literal["uniform"] = "uniform"
    body_lr_mult: Annotated[float, Unit("times the head's")] = Field(
        0.1, gt=0, le=1, title="Body rate", description="How fast every group of the backbone moves beside the head."
    )

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        return {group.name: self.body_lr_mult for group in groups[:-1]}


class Discriminative(_Rates):
    """Each group slower than the one above it, by the same factor (Howard & Ruder 2018, ULMFiT: 2.6).

    A frozen group keeps its place in the count: the rate depends on depth alone.
    """

    kind: Literal["discriminative"] = "discriminative"
    factor: float = Field(
        2.6, gt=1, le=100, title="Factor", description="Each group's rate is that of the group above it, divided by this."
    )

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        body = groups[:-1]
        return {group.name: self.factor ** -(len(body) - i) for i, group in enumerate(body)}


class ByLevel(_Rates):
    """A rate for each level: what a recipe states as "head 1e-4, top 1e-5, lower 1e-6"."""

    kind: Literal["by-level"] = "by-level"
    top: Annotated[float, Unit("times the head's")] = Field(
        0.1, gt=0, le=1, title="Rate of the top groups", description="How fast those nearest to the head move beside it."
    )
    middle: Annotated[float, Unit("times the head's")] = Field(
        0.01, gt=0, le=1, title="Rate of the middle groups", description="How fast those in the middle move beside the head."
    )
    bottom: Annotated[float, Unit("times the head's")] = Field(
        0.01, gt=0, le=1, title="Rate of the bottom groups", description="How fast those nearest to the image move beside it."
    )

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        return {group.name: getattr(self, group.level) for group in groups[:-1]}


class LayerWiseDecay(_Rates):
    """Each block slower than the one above it, by the same decay (Clark et al. 2020, ELECTRA; Bao et al. 2022, BEiT).

    A group counts as the parts that its name tells of: "blocks 7-9" as three, "stem and stage 1" as two, a stage as one.
    All of a group moves at one rate, that of the middle of its parts: their geometric mean. A frozen group keeps its place.
    """

    kind: Literal["layer-wise-decay"] = "layer-wise-decay"
    decay: float = Field(
        0.75, gt=0, lt=1, title="Decay", description="Each block's rate is that of the block above it, times this."
    )

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        above, found = 0, {}
        for group in reversed(groups[:-1]):
            blocks = blocks_of(group)
            found[group.name] = self.decay ** (above + (blocks + 1) / 2)
            above += blocks
        return {group.name: found[group.name] for group in groups[:-1]}


def blocks_of(group: Group) -> int:
    """How many parts of a backbone a group's name tells of: "blocks 7-9" 3, "stem and stage 1" 2, "stage 4" 1."""
    spans = (re.search(r"(\d+)-(\d+)$", part) for part in group.name.split(" and "))
    return sum(int(span[2]) - int(span[1]) + 1 if span else 1 for span in spans)


class _MeasuredRates(_Rates):
    batches: Annotated[int, Unit("batches")] = Field(
        5, ge=1, le=100, title="Measured on", description="How many are looked at, at the start of each epoch."
    )

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        return {group.name: 1.0 for group in groups[:-1]}


class AutoRGN(_MeasuredRates):
    """Each group's rate in proportion to its relative gradient norm (Lee et al. 2023, Surgical fine-tuning: Auto-RGN).

    At the start of each epoch RGN = ||gradient|| / ||weights||, averaged over a few batches; the largest moves at the
    run's rate, the head's included. Departures: see `tlcore/training/measured_rates.py`.
    """

    kind: Literal["auto-rgn"] = "auto-rgn"

    @property
    def measured(self) -> Measured:
        return Measured("relative-gradient-norm", self.batches)


class AutoSNR(_MeasuredRates):
    """Only groups whose gradient stands out of its noise move (Lee et al. 2023, Surgical fine-tuning: Auto-SNR).

    At the start of each epoch the gradient's signal-to-noise ratio over a few batches, as a share of the largest group's; a
    group below the threshold keeps still for the epoch. Departures: see `tlcore/training/measured_rates.py`.
    """

    kind: Literal["auto-snr"] = "auto-snr"
    batches: Annotated[int, Unit("batches")] = Field(
        5, ge=2, le=100, title="Measured on", description="How many are looked at, at the start of each epoch."
    )
    threshold: Annotated[float, Unit("a share of the largest")] = Field(
        0.5,
        ge=0,
        le=1,
        title="Threshold",
        description="A group with less of the signal-to-noise ratio keeps still for the epoch.",
    )

    @property
    def measured(self) -> Measured:
        return Measured("signal-to-noise", self.batches, self.threshold)


Rates = Annotated[
    Uniform | Discriminative | ByLevel | LayerWiseDecay | AutoRGN | AutoSNR,
    Field(discriminator="kind"),
]
