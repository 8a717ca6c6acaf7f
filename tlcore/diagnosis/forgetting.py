"""Forgetting, by its measured proxy: how far the backbone's weights have moved.

Measured with EfficientNet-Lite0, trained in 17 ways (chest X-rays, digits, traffic lights, leaves) and its old classifier put
back: of 240 everyday photographs at 128 px, the share whose top answer stayed as it was, by the farthest group's distance:

    up to 0.2 %: 69 to 91 %      0.2 to 1.5 %: 1 to 70 %      above: 21 % where one group had moved, none in five others

So the distance speaks at its two ends only. It says nothing about BatchNorm's statistics: where they were trained, 12 % stayed
at 0.2 %, and none at 0.6 %.
"""

from __future__ import annotations

from tlcore.diagnosis.batchnorm import trains_batchnorm
from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, first_that_changes
from tlcore.diagnosis.remedies import fewer_groups, slower, slower_body
from tlcore.figures.words import count, percent, times
from tlcore.groups import HEAD

NEAR, FAR = 0.002, 0.015  # the two ends, as measured above


def may_forget(seen: Evidence) -> bool:
    """Random weights have nothing to forget, and frozen ones do not. What another run taught was not measured above."""
    return seen.spec.strategy.start.kind == "pretrained" and bool(seen.moving)


def drifted_far(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where a backbone group has moved farther than in any network that kept most of its old answers."""
    if not seen.epochs:
        return CannotTell("no epoch has ended")
    event = seen.best if seen.over and seen.best else seen.epochs[-1]  # of a run that is over, the weights that it keeps
    drift = {group: moved for group, moved in event["drift"].items() if group != HEAD}
    farthest = max(drift, key=lambda group: drift[group])
    if drift[farthest] <= FAR:
        if trains_batchnorm(seen):
            return CannotTell("BatchNorm's statistics follow the new images, which the weights' distance leaves out")
        if any(phase.moves != "weights" for phase in seen.plan.phases):
            return CannotTell("only some weights move, or new ones beside them, whose distance says something else")
        if drift[farthest] > NEAR:
            return CannotTell(f"the weights moved by up to {percent(drift[farthest], 2)}, a distance that leaves it open")
        return None
    far = sum(moved > FAR for moved in drift.values())
    what = (
        f"After epoch {event['epoch'] + 1}, {farthest} has moved by {percent(drift[farthest])} of the length of its weights, "
        f"and {count(far)} of the backbone's {times(len(drift), 'group')} by more than {percent(FAR)}."
    )
    means = (
        "Most of what the backbone knew about everyday photographs is probably gone, which matters where it is still wanted: "
        "in trials with EfficientNet-Lite0, networks that moved this far kept 21 % of their old answers at most. This is read "
        "from the distance alone; what this very run has forgotten is not measured here."
    )
    remedy = first_that_changes(seen.spec, slower_body(seen.spec), slower(seen.spec), fewer_groups(seen))
    return Finding("info", what, means, remedy)
