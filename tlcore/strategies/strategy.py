"""A strategy: one point in the space of five axes."""

from __future__ import annotations

from pydantic import Field

from tlcore.strategies.axis import Choice
from tlcore.strategies.phases import OnePhase, Phases
from tlcore.strategies.pull import NoPull, Pull
from tlcore.strategies.rates import Rates, Uniform
from tlcore.strategies.scope import HeadOnly, Scope
from tlcore.strategies.start import Pretrained, Start


class Strategy(Choice):
    """Five independent choices, and the name that people know the point by ("custom" where it has none)."""

    name: str = Field("custom", pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    scope: Scope = HeadOnly()
    phases: Phases = OnePhase()
    rates: Rates = Uniform()
    pull: Pull = NoPull()
    start: Start = Pretrained()
