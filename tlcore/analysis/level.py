"""Which level to unfreeze from, as the probe's curve over depth and the number of labels tell it, and how sure that is.

Where the task can be read best off a group below the top, what stands above it has gone over to the old task. How far below
the unfreezing then begins depends on the labels. With fewer than `FEW` a run takes so few steps that whatever is unfrozen is
unsettled more than taught, and a head alone, which is solved, does better. With more of them the best group and the one below
it learn too: they move at a tenth of the head's rate, which costs little, and gains where the task is far from the old one.
Where the top is best, nothing has to move but the head.

Both numbers were read off runs from every level (`TUNED_ON`; `layers --check`, lite0 at 64 px, 5 epochs). With 40 X-rays the
head alone was 3.6 points of test accuracy ahead of the best deeper level; with 200 digits, 1,000 digits and 200 X-rays the
level one below the best group was 5.3, 1.7 and -0.2 points ahead of the one just above it. What the rule is worth on other
data `layers --check` measures.

The difference that decides is measured on the test images in pairs: the same resamples (of patients, where they are known)
for both groups. The best of several groups is best by luck too, so the interval is as wide as Bonferroni asks: with G groups
its level is 1 - .05 / (G - 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlcore.groups import Group, run_together
from tlcore.training.intervals import MOST_LEFT_OUT, resampled
from tlcore.training.metrics import score

RULE = 2  # raise it with every change by which the same answers are given another recommendation
TUNED_ON = ("digits", "chest-xray")  # the datasets that the rule was made with: what it loses there flatters it
FEW = 100  # labelled training images: with fewer the head alone is trained
BELOW = 1  # groups below the best one that learn too, where there are more
NAMES = {"auroc": "AUROC", "balanced_accuracy": "balanced accuracy"}


@dataclass(frozen=True)
class Judge:
    """The test images that probes are compared on."""

    labels: np.ndarray
    classes: Sequence[str]
    seed: int
    clusters: Sequence[str] | None  # whose each image is, where that is known

    @property
    def metric(self) -> str:
        """AUROC, which needs no threshold; balanced accuracy where a class has no test image."""
        every = len(np.unique(self.labels)) == len(self.classes)
        return "auroc" if every else "balanced_accuracy"

    def value(self, probabilities: np.ndarray) -> float:
        return score(probabilities, self.labels, self.classes)[self.metric]

    def lead(self, better: np.ndarray, other: np.ndarray, *, choices: int = 1) -> dict[str, float | None]:
        """{value, low, high}: by how much one set of probabilities is ahead of another, paired; null without an interval."""
        one, two = (resampled(each, self.labels, self.seed, self.clusters)[self.metric] for each in (better, other))
        draws = (one - two)[~np.isnan(one - two)]
        value = self.value(better) - self.value(other)
        if len(draws) < (1 - MOST_LEFT_OUT) * len(one) or np.ptp(draws) == 0:
            return {"value": value, "low": None, "high": None}
        tail = 0.05 / choices / 2
        low, high = np.quantile(draws, [tail, 1 - tail])
        return {"value": value, "low": float(low), "high": float(high)}

    @property
    def units(self) -> str:
        """What the images are, for people."""
        whose = "" if self.clusters is None else f" of {len(set(self.clusters)):,} patients"
        return f"the same {len(self.labels):,} test images{whose}"


def recommend(
    groups: Sequence[Group],
    answers: Mapping[str, np.ndarray],
    judge: Judge,
    *,
    source: str,
    labelled: int,
    random: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Any]:
    """{group, level, why, best, alike, metric, lead, evidence, more_than_noise, by_curve, labelled, moves, rule}.

    Unfreeze from `group` up. `why` is "top" where the task reads best off the last group, else "few" or "enough" by the
    `labelled` training images that there are; `by_curve` is the level that the curve alone would name; `alike` names the
    groups whose values print as that of the best does, null where it is alone; `moves` is the share of the backbone's weights
    that then learn. `groups` are all from bottom to top, the head last; `answers` has what the probe of each but the head says
    of the test images, (N, C), with the weights that `source` names, and `random` the same with random weights.
    """
    names = list(answers)
    values = {name: judge.value(answers[name]) for name in names}
    best = max(names, key=lambda name: (values[name], names.index(name)))  # of equals the highest: the least moves
    top = names[-1]
    other = max(names[:-1], key=lambda name: (values[name], names.index(name))) if best == top else top
    lead = judge.lead(answers[best], answers[other], choices=len(names) - 1)
    more_than_noise = lead["low"] is not None and lead["low"] > 0
    place = [group.name for group in groups].index(best)
    why = "top" if best == top else "few" if labelled < FEW else "enough"
    chosen = groups[max(0, place - BELOW)] if why == "enough" else groups[-1]
    equal = [name for name in names if f"{values[name]:.3f}" == f"{values[best]:.3f}"]
    alike = run_together(equal, names) if len(equal) > 1 else None
    moves = _moves(groups, chosen)
    evidence = [
        _reads(source, NAMES[judge.metric], values, best, None if other in equal else other, alike),
        _difference(lead, more_than_noise, judge, len(names)),
        _meaning(best, other, top, more_than_noise),
    ]
    if why != "top":
        evidence += _by_labels(labelled, best, chosen.name)
    if why == "enough":
        evidence += [_against(lead, more_than_noise), _cost(moves)]
    if random is not None:
        evidence.append(_against_random(answers[best], best, random, judge, source))
    return {
        "group": chosen.name,
        "level": chosen.level,
        "why": why,
        "best": best,
        "alike": alike,
        "metric": judge.metric,
        "lead": lead | {"over": other},
        "evidence": evidence,
        "more_than_noise": more_than_noise,
        "by_curve": groups[place + 1].name,
        "labelled": labelled,
        "moves": moves,
        "rule": RULE,
    }


def _difference(lead: Mapping[str, float | None], more: bool, judge: Judge, groups: int) -> str:
    if lead["low"] is None:
        return f"The difference, {lead['value']:.3f}, has no interval: {judge.units} give too little to draw others from."
    verdict = "is more than noise" if more else "may be noise"
    return (
        f"The difference of {lead['value']:.3f} ({lead['low']:.3f} to {lead['high']:.3f}, on {judge.units}, widened for the "
        f"choice among {groups} groups) {verdict}."
    )


def _reads(source: str, word: str, values: Mapping[str, float], best: str, other: str | None, alike: str | None) -> str:
    """Which groups read best; `other` is the group that the best is held against, where it is not printed as its equal."""
    what = "the next best" if best == list(values)[-1] else "the top"
    rest = "" if other is None else f", and {values[other]:.3f} off {other}, {what}"
    if alike is not None:
        return f"With {source} weights {alike} read the task alike, and best: {word} {values[best]:.3f} off each{rest}."
    return f"With {source} weights the probe reads the task best off {best}: {word} {values[best]:.3f}{rest}."


def _meaning(best: str, other: str, top: str, more: bool) -> str:
    if best == top:
        rest = "" if more else f" {other} may serve as well: then what is above it may learn next."
        return f"No group below {top} says more, so nothing has to move but the head.{rest}"
    fits = "fits" if more else "may fit"
    return f"What stands above {best} {fits} the old task better than this one."


def _by_labels(labelled: int, best: str, chosen: str) -> list[str]:
    if labelled < FEW:
        return [
            f"But {labelled:,} labelled images, fewer than {FEW}, give a run too few steps to teach it: after 40 chest X-rays "
            "the head alone named 86.4 % of the test images rightly, and no deeper level more than 82.8 %. It is not always "
            "so: with 40 solar cells deeper levels did better."
        ]
    deeper = f"{best} learn too" if chosen == best else f"{best} and {chosen} below it learn too"
    return [
        f"For it: {labelled:,} labelled images, {FEW} or more, are enough to let {deeper}. In three trials (200 and 1,000 "
        "digits, 200 chest X-rays) that gained 5.3, 1.7 and -0.2 points of test accuracy over beginning above."
    ]


def _against(lead: Mapping[str, float | None], more: bool) -> str:
    """What speaks against moving more than the head, as far as the interval of the lead goes."""
    trials = "three trials are few, and one of them gained nothing"
    if more:
        return f"Against it: {trials}."
    if lead["low"] is None:
        return f"Against it: these images cannot tell whether the lead is noise; {trials}."
    return f"Against it: the interval of the lead includes 0, so the lead may be noise; {trials}."


def _moves(groups: Sequence[Group], chosen: Group) -> float:
    """The share of the backbone's weights, the head not counted, that learn from `chosen` up."""
    backbone = groups[:-1]
    moving = groups[groups.index(chosen) : -1]
    return sum(group.params for group in moving) / sum(group.params for group in backbone)


def _cost(moves: float) -> str:
    share = "all" if moves == 1 else "above 99 %" if moves > 0.995 else "below 1 %" if moves < 0.005 else f"{100 * moves:.0f} %"
    return f"Its cost: {share} of the backbone's weights then learn; with the head alone, none."


def _against_random(answer: np.ndarray, best: str, random: Mapping[str, np.ndarray], judge: Judge, source: str) -> str:
    names = list(random)
    rival = max(names, key=lambda name: judge.value(random[name]))
    lead = judge.lead(answer, random[rival], choices=len(names))
    reach = f"Random weights reach {judge.value(random[rival]):.3f} at best, off {rival}"
    if lead["low"] is None:
        return f"{reach}; the difference has no interval."
    ahead = f"{lead['value']:.3f} ({lead['low']:.3f} to {lead['high']:.3f})"
    if lead["low"] > 0:
        return f"{reach}: what {source} weights bring is {ahead}, more than noise."
    return f"{reach}: what {source} weights bring over that, {ahead}, may be noise."
