"""Forgetting, by its measured proxy: how far the backbone's weights have moved."""

from __future__ import annotations

from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, first_that_changes
from tlcore.diagnosis.remedies import fewer_groups, slower, slower_body
from tlcore.figures.words import percent
from tlcore.groups import HEAD

FAR = 0.1


def may_forget(seen: Evidence) -> bool:
    """Random weights have nothing to forget, and frozen ones do not."""
    return seen.pretrained and bool(seen.moving)


def drifted_far(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where a backbone group has moved by more than a tenth of its own length."""
    if not seen.epochs:
        return CannotTell("no epoch has ended")
    last = seen.epochs[-1]
    drift = {group: moved for group, moved in last["drift"].items() if group != HEAD}
    farthest = max(drift, key=lambda group: drift[group])
    if drift[farthest] <= FAR:
        return None
    far = sum(moved > FAR for moved in drift.values())
    what = (
        f"After epoch {last['epoch'] + 1} {farthest} has moved by {percent(drift[farthest])} of the length of its weights, and "
        f"{far} of the {len(drift)} backbone groups by more than {percent(FAR, 0)}."
    )
    means = (
        "Much of what the backbone knew about photographs is probably gone. This is read from the distance that the weights "
        "moved; what it can still tell apart is not measured here."
    )
    remedy = first_that_changes(seen.spec, slower_body(seen.spec), slower(seen.spec), fewer_groups(seen))
    return Finding("warning", what, means, remedy)
