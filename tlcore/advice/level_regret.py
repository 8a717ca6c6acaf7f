"""How good the recommended level is: what it lost against the best of all levels, each of which was trained. No torch.

A situation is a dataset and a number of labels. Every level is trained in it, with every seed; the best is the one with the
highest mean accuracy on the validation split, so that the test split chooses nothing. The regret of a choice is the test
accuracy (or AUROC) of that best minus the choice's own, seed by seed, since each seed draws its own training images and may
be given another recommendation. What the choice lost against the level that the test images themselves like best is kept
beside it: that one had luck on its side, so it is the most that can have been lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from tlcore.advice.regret import Regret, Tried, best_by_validation, regret
from tlcore.compare.outcomes import Outcome
from tlcore.training.intervals import percentile_interval, resampled

RULES = ("advice", "curve", "head", "all")  # the recommendation, what the curve alone says, and the two simplest rules
_DRAW = 0  # the seed of the resamples


@dataclass(frozen=True)
class Advised:
    """What one layers job recommended: the level, and the level that its curve alone, whatever the labels, would name."""

    group: str
    by_curve: str


def judge_level(tried: Mapping[str, Tried], advised: Mapping[int, Advised]) -> dict[str, Any]:
    """What each rule chose and lost; plain data for JSON.

    `tried` has every level by its group, from the head alone down to all groups; `advised` the recommendation of each seed.
    """
    levels = list(tried)
    best = best_by_validation(tried)
    liked = max(tried, key=lambda name: _accuracy(tried[name]))
    choices = {
        "advice": {seed: one.group for seed, one in advised.items()},
        "curve": {seed: one.by_curve for seed, one in advised.items()},
        "head": dict.fromkeys(advised, levels[0]),
        "all": dict.fromkeys(advised, levels[-1]),
    }
    chosen = {rule: _as_chosen(tried, by_seed) for rule, by_seed in choices.items()}
    lost = {rule: _lost(tried[best], one) for rule, one in chosen.items()}
    return {
        "chosen": {rule: list(by_seed.values()) for rule, by_seed in choices.items()},
        "best": best,
        "best_on_test": liked,
        "right": {rule: one["accuracy"].within_noise for rule, one in lost.items()},
        "regret": {
            rule: {metric: found and dict(found.__dict__) for metric, found in one.items()} for rule, one in lost.items()
        },
        "most_lost": {rule: _accuracy(tried[liked]) - _accuracy(one) for rule, one in chosen.items()},
        "levels": {
            name: {
                "val_accuracy": fmean(one.val.values()),
                "accuracy": one.mean("accuracy"),
                "auroc": one.mean("auroc"),
            }
            for name, one in tried.items()
        },
    }


def summary(situations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """For each rule: how often it was right within noise, and the best itself; what it lost on average and at worst."""
    return {rule: _summed(rule, situations) for rule in RULES} if situations else {}


def _summed(rule: str, situations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    lost = [one["regret"][rule]["accuracy"]["value"] for one in situations]
    auroc = [found["value"] for one in situations if (found := one["regret"][rule]["auroc"]) is not None]
    return {
        "right": sum(one["right"][rule] for one in situations),
        "best": sum(set(one["chosen"][rule]) == {one["best"]} for one in situations),
        "of": len(situations),
        "mean_regret": fmean(lost),
        "worst_regret": max(lost),
        "mean_auroc_regret": fmean(auroc) if auroc else None,
        "mean_most_lost": fmean(one["most_lost"][rule] for one in situations),
    }


def _as_chosen(tried: Mapping[str, Tried], by_seed: Mapping[int, str]) -> Tried:
    """The runs that a rule leads to: of each seed the one of the level chosen there."""
    return Tried(
        {seed: tried[name].val[seed] for seed, name in by_seed.items()},
        {seed: tried[name].outcomes[seed] for seed, name in by_seed.items()},
    )


def _accuracy(tried: Tried) -> float:
    value = tried.mean("accuracy")
    assert value is not None  # a test split without images is refused before anything trains
    return value


def _lost(best: Tried, chosen: Tried) -> dict[str, Regret | None]:
    if best.outcomes == chosen.outcomes:
        return {"accuracy": Regret(0.0, 0.0, 0.0), "auroc": None if best.mean("auroc") is None else Regret(0.0, 0.0, 0.0)}
    auroc = regret(best, chosen, "auroc")
    if auroc is not None and auroc.low is None:
        auroc = _auroc_over_images(best, chosen) or auroc
    return {"accuracy": regret(best, chosen, "accuracy"), "auroc": auroc}


def _auroc_over_images(best: Tried, chosen: Tried) -> Regret | None:
    """The difference of the mean AUROCs with a paired bootstrap of the test images, or of the patients they come from.

    None where predictions were not kept, the images differ, or the resamples tell nothing.
    """
    pairs = [(_Said.of(best.outcomes[seed]), _Said.of(chosen.outcomes[seed])) for seed in sorted(chosen.outcomes)]
    known = [one for pair in pairs for one in pair if one is not None]
    if len(known) < 2 * len(pairs) or any(one.ids != known[0].ids for one in known):
        return None
    apart = [first.draws - second.draws for first, second in pairs if first is not None and second is not None]
    values = [best.outcomes[seed].value("auroc") - chosen.outcomes[seed].value("auroc") for seed in chosen.outcomes]
    found = percentile_interval(fmean(values), np.mean(apart, axis=0))
    return Regret(found["value"], found["low"], found["high"], known[0].over) if found["method"] else None


@dataclass(frozen=True)
class _Said:
    """The AUROC of a run's predictions in each resample of its test images."""

    draws: np.ndarray  # (resamples,)
    ids: tuple[str, ...]
    over: str

    @classmethod
    def of(cls, outcome: Outcome) -> _Said | None:
        file: Path = outcome.path / "predictions.npz"
        try:
            with np.load(file, allow_pickle=False) as saved:
                owners = saved["clusters"].tolist() if outcome.over == "patients" else None
                probabilities, labels = saved["probabilities"], saved["labels"]
                return cls(resampled(probabilities, labels, _DRAW, owners)["auroc"], tuple(saved["ids"].tolist()), outcome.over)
        except (OSError, ValueError, KeyError):  # none were kept, or of another version
            return None
