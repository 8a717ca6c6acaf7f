"""Events of a run, folded into curves. `pages/parts/fold.js` is the same for the live view."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from tlcore.figures.cut_words import solved

Event = Mapping[str, Any]
Point = tuple[float, float]


@dataclass
class Folded:
    """What a run has reported so far, each thing once."""

    plan: Event | None = None
    steps: list[Point] = field(default_factory=list)  # step (from 1), training loss
    epochs: list[Event] = field(default_factory=list)
    notices: list[Event] = field(default_factory=list)
    source: Mapping[str, Any] | None = None  # {NAME: {value, knn, kl}} before the first step
    resumed: int = 0

    def _forget(self, step: int) -> None:
        """Drop what was reported past `step`. An epoch's event belongs to the step at its end."""
        while self.steps and self.steps[-1][0] > step:
            self.steps.pop()
        while self.epochs and self.epochs[-1]["step"] > step:
            self.epochs.pop()


def fold(events: Iterable[Event]) -> Folded:
    """Take the events in order; what a lost run repeats after it resumed replaces what it had said before."""
    run = Folded()
    for event in events:
        match event["type"]:
            case "plan":
                run.plan = event
            case "notice" if all(event["text"] != known["text"] for known in run.notices):
                run.notices.append(event)
            case "source":
                run.source = event["sources"]
            case "step":
                run._forget(event["step"] - 1)
                loss = event["loss"]
                run.steps.append((event["step"], math.nan if loss is None else loss))
            case "epoch":
                run.epochs = [known for known in run.epochs if known["epoch"] < event["epoch"]]
                run.epochs.append(event)
            case "resumed":
                run._forget(event["step"])
                run.resumed += 1
    return run


def in_epochs(run: Folded) -> Callable[[int], float]:
    """Where a step lies on an axis of epochs. Epochs differ in steps: one of a solved head has a single one."""
    assert run.plan is not None
    ends = [(0, 0), *((event["step"], event["epoch"] + 1) for event in run.epochs)]
    phases = run.plan["plan"]["phases"]
    rounds = sum(phase["epochs"] for place, phase in enumerate(phases) if solved(run.plan.get("cut"), place))
    others = sum(phase["epochs"] for phase in phases) - rounds
    per_epoch = (run.plan["steps"] - rounds) / others if others else 1

    def at(step: int) -> float:
        place = bisect_left(ends, step, key=lambda end: end[0])
        if place == 0:
            return 0.0
        (before, epoch) = ends[place - 1]
        steps = ends[place][0] - before if place < len(ends) else per_epoch
        return epoch + (step - before) / steps

    return at


def training_loss(run: Folded) -> tuple[list[Point], list[Point]]:
    """The training loss over the epochs: of each step or round, and averaged where there are steps to average."""
    assert run.plan is not None
    rounds = [event for event in run.epochs if solved(run.plan.get("cut"), event["phase"])]
    until = rounds[-1]["step"] if rounds else 0
    at = in_epochs(run)
    of_rounds = [(event["epoch"] + 1.0, event["train"]["loss"]) for event in rounds]
    of_steps = thin([(at(step), loss) for step, loss in run.steps if step > until])
    return of_rounds + of_steps, of_rounds + smooth(of_steps)


def source_line(run: Folded, name: str) -> list[Point]:
    """What is known of a source: before training, then after each epoch. An epoch that did not look has no point."""
    before = [(0.0, run.source[name]["value"])] if run.source and name in run.source else []
    looks = [(event["epoch"] + 1.0, event["source"][name]["value"]) for event in run.epochs if name in event.get("source", {})]
    return [point for point in [*before, *looks] if point[1] is not None]


def thin(points: Sequence[Point], limit: int = 1000) -> list[Point]:
    """At most `limit` points: neighbours become one, at the mean of both coordinates. What is no number is left out."""
    real = [point for point in points if math.isfinite(point[1])]
    size = math.ceil(len(real) / limit)
    if size <= 1:
        return real
    parts = [real[i : i + size] for i in range(0, len(real), size)]
    return [(fmean(x for x, _ in part), fmean(y for _, y in part)) for part in parts]


def smooth(points: Sequence[Point], memory: float = 12.0) -> list[Point]:
    """The exponential average that starts without a bias towards 0; `memory` points back weigh 1/e."""
    keep = math.exp(-1 / memory)
    total = weight = 0.0
    averaged = []
    for x, y in points:
        total = keep * total + (1 - keep) * y
        weight = keep * weight + (1 - keep)
        averaged.append((x, total / weight))
    return averaged
