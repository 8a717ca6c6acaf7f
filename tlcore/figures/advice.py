"""What to try next after a run: changes of its spec, each with the reason that its numbers give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlcore.figures.verdict import Result, diagnosis
from tlcore.figures.words import percent
from tlcore.spec import RunSpec
from tlcore.strategies import preset
from tlcore.strategies.start import Pretrained


@dataclass(frozen=True)
class Suggestion:
    """A changed spec: what the button says, and why one would press it."""

    title: str
    reason: str
    spec: RunSpec


MOST = 3


def suggestions(spec: RunSpec, result: Result) -> list[Suggestion]:
    """At most three, the most pressing first."""
    found = diagnosis(result)
    ideas = []
    trained_norms = spec.strategy.scope.batchnorm == "trained" and spec.strategy.start.kind != "random"
    if found == "over-fitting":
        if spec.strategy.scope.kind != "head":
            ideas.append(_with(spec, "Linear probe", "Fewer moving weights leave less to memorise.", "linear-probe"))
        if not spec.augment:
            changed = spec.model_copy(update={"augment": True})
            ideas.append(Suggestion("Turn augmentation on", "Every epoch then sees new crops of the same images.", changed))
    if found in ("no better than the baseline", "over-fitting") and spec.strategy.scope.kind != "head":
        changed = spec.model_copy(update={"lr": spec.lr / 10})
        why = "A rate that is too high destroys what the pretrained weights know."
        ideas.append(Suggestion("Ten times lower rate", why, changed))
    if trained_norms and found != "nothing striking":
        scope = spec.strategy.scope.model_copy(update={"batchnorm": "frozen"})
        changed = spec.model_copy(update={"strategy": spec.strategy.model_copy(update={"scope": scope, "name": "custom"})})
        ideas.append(Suggestion("Freeze BatchNorm", "Small batches make its running statistics unreliable.", changed))
    if found == "under-trained" and result["test"]["accuracy"]["value"] < 1:
        changed = spec.model_copy(update={"epochs": min(1000, 2 * spec.epochs)})
        ideas.append(Suggestion("Train twice as long", "The validation loss was still falling when it ended.", changed))
    if (gap := _recall_gap(result)) is not None and not spec.class_weights:
        changed = spec.model_copy(update={"class_weights": True})
        why = f"{gap[0]!r} is found in {percent(gap[1], 0)} of its images, and it is rare."
        ideas.append(Suggestion("Weigh the classes", why, changed))
    ideas.extend(_controls(spec))
    return ideas[:MOST]


def _controls(spec: RunSpec) -> list[Suggestion]:
    """The experiments that give any result a meaning, when nothing is more pressing."""
    pretrained = spec.strategy.start.kind == "pretrained"
    ideas = []
    if spec.strategy.name == "linear-probe":
        ideas.append(_with(spec, "Last group", "Does a little more room help, or is the probe enough?", "last-group"))
        why = "A control: how much of this does the architecture give, without anything learnt?"
        ideas.append(_with(spec, "Random features", why, "random-features"))
    elif pretrained:
        ideas.append(
            _with(
                spec,
                "Linear probe",
                "What do frozen features get? Only the rest is owed to unfreezing.",
                "linear-probe",
            )
        )
        why = "A control: the distance to it is what the pretrained weights are worth."
        ideas.append(_with(spec, "From scratch", why, "from-scratch"))
    elif spec.strategy.start.kind == "run":
        same = spec.strategy.model_copy(update={"start": Pretrained(), "name": "custom"})
        why = "A control: the distance to it is what the run before this one is worth."
        ideas.append(Suggestion("The same, from pretrained weights", why, spec.model_copy(update={"strategy": same})))
    else:
        ideas.append(
            _with(
                spec,
                "The same, pretrained",
                "The distance to this run is what the pretrained weights are worth.",
                "linear-probe" if spec.strategy.scope.kind == "head" else "full",
            )
        )
    other = spec.model_copy(update={"seed": spec.seed + 1 if spec.seed < 2**31 - 1 else 0})
    ideas.append(Suggestion("Another seed", "One run can't tell luck from effect.", other))
    return ideas


def _with(spec: RunSpec, title: str, reason: str, name: str) -> Suggestion:
    return Suggestion(title, reason, spec.model_copy(update={"strategy": preset(name)}))


def _recall_gap(result: Mapping[str, Any]) -> tuple[str, float] | None:
    """A rare class (at most half as many test images as the largest) that is found far less often than the best one."""
    sizes = {name: sum(row) for name, row in zip(result["classes"], result["confusion"], strict=True)}
    recalls = {name: value["value"] for name, value in result["test"]["recall"].items() if value["value"] is not None}
    rare = [name for name in recalls if 2 * sizes[name] <= max(sizes.values())]
    if not rare:
        return None
    worst = min(rare, key=lambda name: recalls[name])
    return (worst, recalls[worst]) if max(recalls.values()) - recalls[worst] > 0.2 else None
