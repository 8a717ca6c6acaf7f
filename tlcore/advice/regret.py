"""How good the advice is: what it would have chosen, against the best of all that were run.

A situation is a dataset, a number of labels, and the shift measured there. Every candidate is trained in it; the best is the
one with the highest mean accuracy on the validation split, so that the test split chooses nothing. The regret of a choice is
the test accuracy of that best minus the choice's own: 0 where the choice is the best, and below 0 where the test images think
otherwise than the validation images did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from tlcore.advice.rules import advise
from tlcore.advice.situation import Situation
from tlcore.compare.images import paired_over_images
from tlcore.compare.outcomes import Outcome
from tlcore.compare.table import gap

CANDIDATES = ("linear-probe", "last-group", "top-two-groups", "gradual", "lp-ft", "full", "lora", "adapters")
ALWAYS = ("linear-probe", "full")  # what the advice is held against: the two simplest rules there are
ENOUGH_SEEDS = 3  # from here on the interval is over seeds; fewer say next to nothing, and it is over test images
Metric = Literal["accuracy", "auroc"]


@dataclass(frozen=True)
class Tried:
    """A strategy in a situation: validation accuracy and outcome of each seed."""

    val: Mapping[int, float]
    outcomes: Mapping[int, Outcome]

    def mean(self, metric: Metric) -> float | None:
        values = [outcome.value(metric) for outcome in self.outcomes.values()]
        return None if any(value is None for value in values) else fmean(value for value in values if value is not None)


@dataclass(frozen=True)
class Regret:
    """What a choice lost against the best found, as a share, with a 95 % interval over seeds, images or patients, or none."""

    value: float
    low: float | None = None
    high: float | None = None
    over: str | None = None

    @property
    def within_noise(self) -> bool:
        """Whether nothing can be said to be lost: the interval reaches 0, or there is none and the value does."""
        return (self.value if self.low is None else self.low) <= 0


def best_by_validation(tried: Mapping[str, Tried]) -> str:
    """The strategy with the highest mean validation accuracy; of equals the one named first."""
    return max(tried, key=lambda name: fmean(tried[name].val.values()))


def choice(situation: Situation, names: Sequence[str]) -> str:
    """What the advice would run first among `names`; the first of them where it names none."""
    return next((advice.strategy for advice in advise(situation) if advice.strategy in names), names[0])


def regret(best: Tried, chosen: Tried, metric: Metric) -> Regret | None:
    """What `chosen` lost against `best` on the test split; None where the metric is undefined or no seed is shared."""
    if best is chosen:
        return Regret(0.0, 0.0, 0.0)
    seeds = sorted(best.outcomes.keys() & chosen.outcomes.keys())
    if not seeds or best.mean(metric) is None or chosen.mean(metric) is None:
        return None
    apart = gap(best.outcomes, chosen.outcomes, metric)
    assert apart is not None  # they share a seed
    if metric == "accuracy" and len(seeds) < ENOUGH_SEEDS:
        paths = [[tried.outcomes[seed].path for seed in seeds] for tried in (best, chosen)]
        over_images = paired_over_images(*paths, over=best.outcomes[seeds[0]].over)
        if over_images is not None:
            return Regret(over_images.mean, over_images.low, over_images.high, over_images.over)
    return Regret(apart.mean, apart.low, apart.high, apart.over)


def judge(situation: Situation, tried: Mapping[str, Tried]) -> dict[str, Any]:
    """What the advice and the two simple rules chose here, what was best, and what each lost; plain data for JSON."""
    best = best_by_validation(tried)
    chosen = {"advice": choice(situation, list(tried))} | {name: name for name in ALWAYS if name in tried}
    return {
        "ranked": [advice.strategy for advice in advise(situation)],
        "advised": chosen["advice"],
        "best": best,
        "right": {rule: _accuracy(tried[best], tried[name]).within_noise for rule, name in chosen.items()},
        "regret": {rule: _lost(tried[best], tried[name]) for rule, name in chosen.items()},
        "val_accuracy": {name: fmean(one.val.values()) for name, one in tried.items()},
        "test": {name: {"accuracy": one.mean("accuracy"), "auroc": one.mean("auroc")} for name, one in tried.items()},
    }


def summary(situations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """For the advice and each simple rule: how often it was right within noise, and the mean and worst regret in accuracy."""
    rules = [rule for rule in ("advice", *ALWAYS) if all(rule in one["regret"] for one in situations)]
    return {rule: _summed(rule, situations) for rule in rules}


def _summed(rule: str, situations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    lost = [one["regret"][rule]["accuracy"]["value"] for one in situations]
    auroc = [found["value"] for one in situations if (found := one["regret"][rule]["auroc"]) is not None]
    right = sum(one["right"][rule] for one in situations)
    best = sum((one["advised"] if rule == "advice" else rule) == one["best"] for one in situations)
    return {
        "right": right,
        "best": best,
        "of": len(situations),
        "mean_regret": fmean(lost),
        "worst_regret": max(lost),
        "mean_auroc_regret": fmean(auroc) if auroc else None,
    }


def _accuracy(best: Tried, chosen: Tried) -> Regret:
    found = regret(best, chosen, "accuracy")
    assert found is not None  # accuracy is never undefined, and all candidates have the same seeds
    return found


def _lost(best: Tried, chosen: Tried) -> dict[str, Any]:
    found = {"accuracy": regret(best, chosen, "accuracy"), "auroc": regret(best, chosen, "auroc")}
    return {metric: None if one is None else dict(one.__dict__) for metric, one in found.items()}
