"""What a forgetting job is about to cost, from the run that it asks about alone. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tlcore.models.ancestry import ancestry
from tlcore.source_probes.cost import images_asked
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.strategies import Plan
from tlcore.strategies.start import FromRun

PROBED_ON: Final = {"train": 1000, "val": 300}  # as `analysis/start_probe.py` has it, which imports torch


def looks(spec: ForgettingSpec, result: Mapping[str, Any]) -> int:
    """Networks that are looked at, at most: both ends, the points between, each group that moved, and BatchNorm's part."""
    plan = Plan.from_dict(result["plan"])
    moving = _moving(plan)
    if not moving:
        return 1
    trained = any("train" in phase.batchnorm.values() for phase in plan.phases)
    return spec.points + len(moving) + (1 + spec.points if trained else 0)


def images_of_a_look(spec: ForgettingSpec, about: RunSpec, result: Mapping[str, Any], runs_dir: Path) -> int:
    """Of all sources that apply and of the run's own test split, at most. Raises as `ancestry` does."""
    return sum(images_asked(spec.sources, spec.images, about, runs_dir).values()) + min(spec.images, result["test"]["n"])


def images_besides(spec: ForgettingSpec, about: RunSpec, result: Mapping[str, Any], runs_dir: Path) -> int:
    """What passes through networks for the matrix of a chain, and for the run split into groups, at most.

    Whether the data tell of groups at all shows only when they are read. Raises as `ancestry` does.
    """
    used = (result.get("data") or {}).get("images")
    groups = _fitted(used) + result["test"]["n"] if used else 0
    start = about.strategy.start
    if "earlier-tasks" not in spec.sources or not isinstance(start, FromRun):
        return groups
    results = [*((ancestor.run.result() or {}) for ancestor in ancestry(start, runs_dir)), result]
    tasks = [min(spec.images, (one.get("test") or {}).get("n", spec.images)) for one in results]
    return groups + images_of_a_matrix(tasks, [(one.get("data") or {}).get("images") or PROBED_ON for one in results])


def images_of_a_matrix(tasks: Sequence[int], used: Sequence[Mapping[str, int]]) -> int:
    """What passes through a chain's networks: each task by its head from its run on, and by a probe at the start and before.

    `tasks` are the test images that each is asked, `used` its training and validation images ("train", "val").
    """
    heads = sum(images * (len(tasks) - place) for place, images in enumerate(tasks))
    probes = zip(tasks, map(_fitted, used), strict=True)
    return heads + sum((asked + fitted) * (2 if place else 1) for place, (asked, fitted) in enumerate(probes))


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


def _fitted(images: Mapping[str, int]) -> int:
    """Images that a linear probe is fitted to and its penalty chosen on."""
    return sum(min(images[name], most) for name, most in PROBED_ON.items())
