"""Rates: how fast each part moves, and along which schedule.

The head moves at the run's learning rate; a choice here says by what each backbone group's rate is multiplied.
A new choice is one class with a `multipliers` method, and its name in `Rates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from tlcore.groups import Group
from tlcore.strategies.axis import Choice
from tlcore.strategies.schedule import Schedule


class _Rates(Choice):
    schedule: Schedule = Field("cosine", description="How the rate changes within a phase.")

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        """For each backbone group, frozen or not, its rate as a multiple of the head's."""
        raise NotImplementedError


class Uniform(_Rates):
    """Every backbone group at the same rate."""

    kind: Literal["uniform"] = "uniform"
    body_lr_mult: float = Field(0.1, gt=0, le=1, description="The backbone's rate as a multiple of the head's.")

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        return {group.name: self.body_lr_mult for group in groups[:-1]}


class Discriminative(_Rates):
    """Each group slower than the one above it, by the same factor (Howard & Ruder 2018, ULMFiT: 2.6).

    A frozen group keeps its place in the count: the rate depends on depth alone.
    """

    kind: Literal["discriminative"] = "discriminative"
    factor: float = Field(2.6, gt=1, le=100, description="Each group's rate is the one above it divided by this.")

    def multipliers(self, groups: Sequence[Group]) -> dict[str, float]:
        body = groups[:-1]
        return {group.name: self.factor ** -(len(body) - i) for i, group in enumerate(body)}


Rates = Annotated[Uniform | Discriminative, Field(discriminator="kind")]
