"""A Plan in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.figures.words import count, listing, percent, rate, times
from tlcore.groups import HEAD
from tlcore.strategies import Plan

# What moves of a group where that is not the whole group (`Moves` in tlcore/groups.py).
_PARTS = {"norms": "the scale and shift of the norm layers", "biases": "the biases", "adapters": "new adapters"}


def plan_sentence(plan: Plan) -> str:
    """What trains, what stays frozen, and for how long."""
    moving = [g.name for g in plan.groups[:-1] if any(phase.trains(g.name) for phase in plan.phases)]
    frozen = len(plan.groups) - 1 - len(moving)
    share = plan.trainable_params / plan.total_params
    part = _PARTS.get(plan.phases[-1].moves)
    if part and moving:
        some = f"in {listing(moving)}" if len(moving) <= 3 else f"from {moving[0]} to {moving[-1]}"
        where = some if frozen else "in every group"
        what = f"The head trains, and {part} {where}; all other weights stay as they are."
    elif not moving:
        what = f"Only the head trains; all {times(frozen, 'group')} of the backbone stay frozen."
    elif not frozen:
        what = "Everything trains."
    else:
        names = listing(moving) if len(moving) <= 3 else f"{moving[0]} to {moving[-1]}"
        what = f"The head and {names} train; {times(frozen, 'group stays', 'groups stay')} frozen."
    weights = f"{count(plan.trainable_params)} of {count(plan.total_params)} parameters move ({percent(share)})."
    if share == 1:
        weights = f"All {count(plan.total_params)} parameters move."
    rates = {value for phase in plan.phases for name, value in phase.rates.items() if value is not None and name != HEAD}
    span = f" The backbone's peak rates run from {rate(min(rates))} to {rate(max(rates))}." if len(rates) > 1 else ""
    return f"{what} {weights}{span} {_length(plan)}{_measured(plan)}{_batchnorm(plan)}"


def _length(plan: Plan) -> str:
    """For how long, and which phases may end before that."""
    length = f"{times(plan.epochs, 'epoch')} in {times(len(plan.phases), 'phase')}"
    early = {phase.patience for phase in plan.phases if phase.patience is not None}
    if not early:
        return f"{length}."
    which = "each phase ends" if all(phase.patience for phase in plan.phases) else "the head's own phase ends"
    return f"{length} at most: {which} after {times(min(early), 'epoch')} without a lower validation loss."


def _measured(plan: Plan) -> str:
    """That the rates shown are the most that a group can have, where they are measured."""
    measured = next((phase.measured for phase in plan.phases if phase.measured is not None), None)
    if measured is None:
        return ""
    batches = times(measured.batches, "batch", "batches")
    if measured.what == "signal-to-noise":
        return (
            f" Which groups move is measured at the start of each epoch, by the signal and the noise of their gradients over "
            f"{batches}: a group below {measured.threshold:g} of the largest keeps still."
        )
    return f" The rates shown are the most: each epoch begins by measuring, on {batches}, what share of it a group gets."


def meant_with(defaults: Mapping[str, Any]) -> str:
    """The fields of a run that a preset is meant with, as a sentence."""
    said = {
        "lr": lambda value: f"a head's rate of {rate(value)}",
        "epochs": lambda value: f"up to {times(value, 'epoch')}",
        "weight_decay": lambda value: f"weight decay {value:g}",
        "augment": lambda value: "augmentation" if value else "no augmentation",
        "views": lambda value: times(value, "kept view") if value else "fresh views in every epoch",
        "patience": lambda value: f"phases that end after {times(value, 'epoch')} without progress",
    }
    parts = [said[name](value) if name in said else f"{name.replace('_', ' ')} {value}" for name, value in defaults.items()]
    return f"Meant with {listing(parts)}."


def _batchnorm(plan: Plan) -> str:
    """Which groups' running mean and variance follow the new images, in any phase."""
    norms = [group.name for group in plan.groups if group.batchnorms]
    if not norms:
        return ""
    follow = [name for name in norms if any(phase.batchnorm.get(name) == "train" for phase in plan.phases)]
    if not follow:
        return " BatchNorm keeps its pretrained mean and variance everywhere."
    if len(follow) == len(norms):
        return " BatchNorm's mean and variance follow the new images everywhere."
    names = listing(follow) if len(follow) <= 3 else f"{follow[0]} to {follow[-1]}"
    return f" BatchNorm's mean and variance follow the new images in {names}, and are fixed elsewhere."
