"""What a forgetting job is about to cost, from the run that it asks about alone. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlcore.models.ancestry import ancestry
from tlcore.source_probes.askable import askable
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.strategies import Plan
from tlcore.strategies.start import FromRun


def looks(spec: ForgettingSpec, result: Mapping[str, Any]) -> int:
    """Networks that are looked at, at most: both ends, the points between, each group that moved, and BatchNorm's part."""
    plan = Plan.from_dict(result["plan"])
    moving = _moving(plan)
    if not moving:
        return 1
    trained = any("train" in phase.batchnorm.values() for phase in plan.phases)
    return spec.points + len(moving) + (1 + spec.points if trained else 0)


def images_of_a_look(spec: ForgettingSpec, about: RunSpec, result: Mapping[str, Any], runs_dir: Path) -> int:
    """Of all sources that apply and of the run's own test split, at most. Raises as `askable` does."""
    start = about.strategy.start
    tasks = len(ancestry(start, runs_dir)) if isinstance(start, FromRun) else 0
    applying = set(spec.sources) & set(askable(about, runs_dir))
    sources = sum(tasks if name == "earlier-tasks" else 1 for name in applying)
    return sources * spec.images + min(spec.images, result["test"]["n"])


def pace(result: Mapping[str, Any]) -> float | None:
    """Images of a source that the run looked at in a second while it trained; None where it carried none.

    It looked before the first step and after each epoch that moved the backbone: the others repeat the look before them.
    """
    images = sum(source["images"] for source in (result.get("source") or {}).values())
    seconds = result.get("source_seconds")
    if not images or not seconds:
        return None
    phases = Plan.from_dict(result["plan"]).phases
    moved = [any(rate is not None for rate in list(phase.rates.values())[:-1]) for phase in phases]
    return images * (1 + sum(moved[event["phase"]] for event in result["history"])) / seconds


def _moving(plan: Plan) -> list[str]:
    return [group.name for group in plan.groups[:-1] if any(phase.trains(group.name) for phase in plan.phases)]
