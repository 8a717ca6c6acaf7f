"""What a detector answers: a finding with its remedy, that it cannot tell, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tlcore.diagnosis.evidence import Evidence
from tlcore.errors import SpecError
from tlcore.spec import RunSpec

Severity = Literal["problem", "warning", "info"]  # the run is of no use; it could be better; worth knowing


@dataclass(frozen=True)
class Remedy:
    """A change of the run's spec: what its button says, and fields of `RunSpec` with their new values, as JSON has them."""

    words: str
    change: Mapping[str, Any]

    def applied(self, spec: RunSpec) -> RunSpec:
        """The spec with the change. Raises `SpecError` where a value is out of its range."""
        return RunSpec(**(spec.model_dump() | dict(self.change)))


@dataclass(frozen=True)
class Finding:
    """A pitfall that the numbers show."""

    severity: Severity
    seen: str  # with its numbers
    means: str
    remedy: Remedy | None
    name: str = ""  # the detector's, which puts it here
    title: str = ""


@dataclass(frozen=True)
class CannotTell:
    """The question arises, but the numbers so far cannot answer it."""

    why: str  # completes "cannot be told: ..."


@dataclass(frozen=True)
class Detector:
    """One pitfall: how it is called, whether a run could fall into it, and the look for it."""

    name: str
    title: str
    look: Callable[[Evidence], Finding | CannotTell | None]
    concerns: Callable[[Evidence], bool] = field(default=lambda seen: True)


def within(title: str) -> str:
    """A title inside a sentence."""
    return title[0].lower() + title[1:]


def first_that_changes(spec: RunSpec, *remedies: Remedy | None) -> Remedy | None:
    """The first remedy that is possible and not what was done already."""
    for remedy in remedies:
        if remedy is None:
            continue
        try:
            if remedy.applied(spec) != spec:
                return remedy
        except SpecError:  # out of range: a rate that can't be lowered any more
            continue
    return None
