"""How many images of each source a look asks, as names and earlier results tell, and how many looks there are. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlcore.groups import HEAD
from tlcore.models.ancestry import ancestry
from tlcore.source_probes.askable import askable
from tlcore.source_probes.catalogue import EARLIER, PHOTOGRAPHS
from tlcore.spec import RunSpec
from tlcore.spec.run import SourceName
from tlcore.strategies import Phase, Plan
from tlcore.strategies.start import FromRun


def images_asked(names: Sequence[SourceName], most: int, spec: RunSpec, runs_dir: Path) -> dict[str, int]:
    """Of those sources that a run of `spec` can be asked about, the images of a look, at most `most` of each.

    Each earlier task of a chain stands for itself, as `task:RUN_ID`. Raises as `ancestry` does.
    """
    found: dict[str, int] = {}
    if not names:
        return found
    known = askable(spec, runs_dir)
    for name in names:
        if name not in known:
            continue
        if name == "natural-photos":
            found[name] = min(most, PHOTOGRAPHS // 2)
        elif name == "earlier-tasks":
            found |= _tasks(most, spec, runs_dir)
        else:
            found[name] = most
    return found


def _tasks(most: int, spec: RunSpec, runs_dir: Path) -> dict[str, int]:
    start = spec.strategy.start
    assert isinstance(start, FromRun), "else there is no earlier task to ask"
    found = {}
    for ancestor in ancestry(start, runs_dir):
        tested = ((ancestor.run.result() or {}).get("test") or {}).get("n")
        found[f"{EARLIER}{ancestor.run.id}"] = most if tested is None else min(most, tested)
    return found


def moves_body(phase: Phase) -> bool:
    """Whether a phase may move something of the backbone."""
    return any(name != HEAD and rate is not None for name, rate in phase.rates.items())


def looks_of(plan: Plan) -> int:
    """How many looks are computed in a run of `plan`: before the first step, and after each epoch once the backbone moves."""
    first = next((place for place, phase in enumerate(plan.phases) if moves_body(phase)), len(plan.phases))
    return 1 + sum(phase.epochs for phase in plan.phases[first:])
