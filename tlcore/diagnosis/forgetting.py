"""Forgetting: what the run's own source probes lost; where it carried none, a proxy: how far the backbone's weights moved.

The proxy was measured with EfficientNet-Lite0, trained in 17 ways (chest X-rays, digits, traffic lights, leaves) and its old
classifier put back: of 240 everyday photographs at 128 px, the share whose top answer stayed as it was, by the farthest
group's distance:

    up to 0.2 %: 69 to 91 %      0.2 to 1.5 %: 1 to 70 %      above: 21 % where one group had moved, none in five others

So the distance speaks at its two ends only. It says nothing about BatchNorm's statistics: where they were trained, 12 % stayed
at 0.2 %, and none at 0.6 %.
"""

from __future__ import annotations

from tlcore.diagnosis.batchnorm import trains_batchnorm
from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, Remedy, Severity, first_that_changes
from tlcore.diagnosis.remedies import fewer_groups, slower, slower_body
from tlcore.figures.forgetting_words import Source, is_measured, lost_words, within_noise
from tlcore.figures.words import count, percent, times
from tlcore.groups import HEAD

NEAR, FAR = 0.002, 0.015  # the two ends, as measured above


def may_forget(seen: Evidence) -> bool:
    """Random weights have nothing to forget, and frozen ones do not. The proxy was not measured for what another run taught."""
    return bool(seen.moving) and (seen.spec.strategy.start.kind == "pretrained" or bool(_measured(seen)))


def forgot(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where a source that the run was asked about at its start and at its end lost more than noise; without one, by
    distance."""
    measured = _measured(seen)
    if not measured:
        return drifted_far(seen)
    gone = [source for source in measured if source["lost"]["value"] > 0 and not within_noise(source["lost"])]
    if not gone:
        return None
    named = [source for source in measured if source["measure"] == "accuracy"]
    rightly = any(source in gone for source in named)
    if rightly:
        means = "Some of what the network knew before this run it gets wrong now, which matters where that is still wanted."
    else:
        means = "Its old classifier gives other answers than before, which matters where those are still wanted."
        means += " What it names rightly has not fallen by more than noise." if named else ""
    means += " The run measured it itself, at its start and with the weights that it keeps."
    severity: Severity = "warning" if rightly or not named else "info"
    return Finding(severity, " ".join(lost_words(source) for source in gone), means, _remedy(seen))


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
    return Finding("info", what, means, _remedy(seen))


def _measured(seen: Evidence) -> list[Source]:
    """The sources that the result of the run has numbers of."""
    return [source for source in ((seen.result or {}).get("source") or {}).values() if is_measured(source)]


def _remedy(seen: Evidence) -> Remedy | None:
    return first_that_changes(seen.spec, slower_body(seen.spec), slower(seen.spec), fewer_groups(seen))
