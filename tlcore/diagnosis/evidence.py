"""What is known about a run so far, gathered from its events: each thing once, however often the run was resumed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tlcore.figures.cut_words import solved
from tlcore.figures.fold import Event, Folded, fold
from tlcore.groups import HEAD
from tlcore.spec import RunSpec
from tlcore.strategies import Plan


@dataclass(frozen=True)
class Evidence:
    """What the detectors look at. `epochs` holds only those that have ended; a live run has fewer than its plan."""

    spec: RunSpec
    plan: Plan
    classes: int
    train_images: int
    val_images: int
    majority: float | None  # accuracy of always naming the largest class, on the validation images
    losses: list[float]  # training loss of the steps that were reported, NaN where it was no number
    opening: list[float]  # those of the first epoch that are numbers
    epochs: list[Event]
    solved: tuple[bool, ...]  # whether each phase is a head that is solved, so that its rates play no part
    error: Mapping[str, str] | None  # of a run that failed
    over: bool
    done: bool  # over, and neither cancelled nor failed
    result: Mapping[str, Any] | None
    probe: Mapping[str, Any] | None = None  # the result of the head alone on the same data, where that has been run

    @property
    def validated(self) -> list[Event]:
        """The epochs that have a validation loss."""
        return [event for event in self.epochs if event["val"].get("loss") is not None]

    @property
    def best(self) -> Event | None:
        """The epoch whose weights are kept: the one with the lowest validation loss, the earlier in a tie."""
        return min(self.validated, key=lambda event: event["val"]["loss"], default=None)

    @property
    def chance_loss(self) -> float:
        """The loss of giving every class the same probability: the logarithm of their number."""
        return math.log(self.classes)

    @property
    def pretrained(self) -> bool:
        return self.spec.strategy.start.kind != "random"

    @property
    def moving(self) -> list[str]:
        """The backbone's groups that train in any phase, from the image upwards."""
        names = [group.name for group in self.plan.groups if group.name != HEAD]
        return [name for name in names if any(phase.trains(name) for phase in self.plan.phases)]


def gather(
    spec: RunSpec,
    events: Iterable[Event],
    result: Mapping[str, Any] | None = None,
    probe: Mapping[str, Any] | None = None,
) -> Evidence | None:
    """The evidence in a run's events, in their order; None before the run has a plan, when there is nothing to judge."""
    events = list(events)
    known: Folded = fold(events)
    if known.plan is None:
        return None
    plan, images = Plan.from_dict(known.plan["plan"]), known.plan["images"]
    first = known.epochs[0]["step"] if known.epochs else math.inf
    states = [event for event in events if event["type"] == "state"]
    last = states[-1] if states else {"state": "running"}
    return Evidence(
        spec=spec,
        plan=plan,
        classes=len(known.plan["classes"]),
        train_images=images["train"],
        val_images=images["val"],
        majority=known.plan["majority_baseline"],
        losses=[loss for _, loss in known.steps],
        opening=[loss for step, loss in known.steps if step <= first and math.isfinite(loss)],
        epochs=known.epochs,
        solved=tuple(solved(known.plan.get("cut"), place) for place in range(len(plan.phases))),
        error=last.get("error") if last["state"] == "failed" else None,
        over=result is not None or last["state"] in ("done", "failed", "cancelled"),
        done=result is not None or last["state"] == "done",
        result=result,
        probe=probe,
    )


def kept_words(seen: Evidence, best: Event) -> str:
    """Which epoch's weights the run ends with, or would if it ended now."""
    return f"The weights {'kept' if seen.over else 'kept so far'} are those of epoch {best['epoch'] + 1}."
