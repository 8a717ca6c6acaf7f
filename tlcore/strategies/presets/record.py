"""What is told about a named strategy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tlcore.strategies.strategy import Strategy

Degree = Literal["none", "low", "medium", "high"]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named strategy, for people."""

    title: str
    sentence: str  # what it does, in one sentence
    updates: str  # which weights move, as a phrase: "the head alone"
    expect: str  # what usually happens
    when: str  # when to choose it, as a sentence
    analogy: str  # the same in everyday terms, for a class
    forgetting: Degree  # risk that the old task is lost
    labels: Literal["few", "some", "many"]  # how many labelled images it wants: tens, hundreds, thousands
    compute: Degree
    source: str
    strategy: Strategy
    # Fields of a run that it is meant with: the page and the command line fill them in, and what a person says wins.
    defaults: Mapping[str, Any] = field(default_factory=dict, hash=False)
