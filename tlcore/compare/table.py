"""The table of a comparison: for each setting and strategy the mean over seeds, and how far it is from the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tlcore.compare.folder import Contents
from tlcore.compare.images import paired_over_images
from tlcore.compare.outcomes import Filled, Outcome
from tlcore.compare.spec import Setting
from tlcore.compare.statistics import Estimate, difference, estimate, holm

Over = Literal["seeds", "images", "patients"]
BOUNDS = (0.0, 1.0)  # all metrics compared are between these


@dataclass(frozen=True)
class Gap:
    """A strategy minus the baseline, in the same setting, paired. What cannot be known is None.

    `over` says what varies: the seeds; or, where there is one seed or all gave the same difference, the test images (or
    patients). `p_holm` is `p` corrected for all strategies that are held against the baseline in this setting.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    p_flip: float | None = None
    p_flip_least: float | None = None
    seeds: int = 1
    over: Over | None = None

    @property
    def within_noise(self) -> bool | None:
        """Whether the interval contains 0; None where there is no interval."""
        return None if self.low is None or self.high is None else self.low <= 0 <= self.high

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0 and, where there is a test, it still holds after the correction."""
        return self.within_noise is False and (self.p_holm is None or self.p_holm < 0.05)


@dataclass(frozen=True)
class Row:
    """One strategy in one setting, over the seeds that are done."""

    setting: Setting
    strategy: str
    seeds: tuple[int, ...]
    estimate: Estimate
    own: Mapping[str, Any] | None  # with a single seed: the run's own interval, over its test images
    gap: Gap | None  # None for the baseline itself, and where it is not done
    trainable_params: int
    seconds: float
    per_class: float
    forgetting: float | None
    outcomes: Mapping[int, Outcome]  # by seed

    @property
    def interval(self) -> tuple[float, float] | None:
        """Over the seeds; with one seed the run's own, over its test images."""
        if self.estimate.low is not None and self.estimate.high is not None:
            return self.estimate.low, self.estimate.high
        if self.own is not None and self.own.get("low") is not None:
            return self.own["low"], self.own["high"]
        return None


@dataclass(frozen=True)
class Majority:
    """What always naming the largest class gets in a setting: it has learnt nothing."""

    setting: Setting
    value: float
    classes: int


def rows(contents: Contents, filled: Sequence[Filled], metric: str) -> tuple[Row, ...]:
    """A row for each setting and strategy with at least one result, settings and strategies in the comparison's order."""
    done: dict[tuple[Setting, str], dict[int, Outcome]] = {}
    for one in filled:
        if one.outcome is not None and one.outcome.value(metric) is not None:
            done.setdefault((one.entry.cell.setting, one.entry.cell.strategy), {})[one.entry.cell.seed] = one.outcome
    found = []
    for setting in contents.spec.settings:
        base = done.get((setting, contents.spec.baseline), {})
        here = [
            _row(setting, name, done[setting, name], base if name != contents.spec.baseline else {}, metric)
            for name in contents.spec.names
            if (setting, name) in done
        ]
        found += _corrected(here)
    return tuple(found)


def majorities(filled: Sequence[Filled]) -> dict[Setting, Majority]:
    """The majority baseline of every setting that has a result."""
    return {
        one.entry.cell.setting: Majority(one.entry.cell.setting, one.outcome.majority, one.outcome.classes)
        for one in filled
        if one.outcome is not None and one.outcome.majority is not None
    }


def between(first: Row, second: Row, metric: str) -> Gap | None:
    """The first minus the second, over the seeds that both have; None where they share none."""
    return gap(first.outcomes, second.outcomes, metric)


def held_against(others: Sequence[Row], base: Row, metric: str) -> list[tuple[Row, Gap]]:
    """Each of `others` minus `base`, over the seeds that both have, its p corrected for the number of others (Holm)."""
    gaps = [(row, apart) for row in others if (apart := between(row, base, metric)) is not None]
    corrected = holm([apart.p for _, apart in gaps])
    return [(row, replace(apart, p_holm=p)) for (row, apart), p in zip(gaps, corrected, strict=True)]


def gap(strategy: Mapping[int, Outcome], baseline: Mapping[int, Outcome], metric: str) -> Gap | None:
    """The paired difference of two strategies' outcomes by seed; None where they share no seed."""
    shared = sorted(strategy.keys() & baseline.keys())
    if not shared:
        return None
    over_seeds = difference([_value(strategy[s], metric) - _value(baseline[s], metric) for s in shared])
    if over_seeds.low is not None:
        return Gap(
            over_seeds.mean,
            over_seeds.low,
            over_seeds.high,
            over_seeds.p,
            None,
            over_seeds.p_flip,
            over_seeds.p_flip_least,
            len(shared),
            "seeds",
        )
    unknown = Gap(over_seeds.mean, seeds=len(shared))
    if metric != "accuracy":
        return unknown
    paths = [[by_seed[seed].path for seed in shared] for by_seed in (strategy, baseline)]
    over_images = paired_over_images(*paths, over=baseline[shared[0]].over)
    if over_images is None:
        return unknown
    return replace(unknown, low=over_images.low, high=over_images.high, p=over_images.p, over=over_images.over)


def _row(setting: Setting, name: str, outcomes: dict[int, Outcome], base: dict[int, Outcome], metric: str) -> Row:
    seeds = tuple(sorted(outcomes))
    first = outcomes[seeds[0]]
    forgot = [one.forgetting for one in outcomes.values() if one.forgetting is not None]
    return Row(
        setting=setting,
        strategy=name,
        seeds=seeds,
        estimate=estimate([_value(outcomes[seed], metric) for seed in seeds], bounds=BOUNDS),
        own=first.test[metric] if len(seeds) == 1 else None,
        gap=gap(outcomes, base, metric),
        trainable_params=first.trainable_params,
        seconds=sum(one.seconds for one in outcomes.values()) / len(outcomes),
        per_class=sum(one.per_class for one in outcomes.values()) / len(outcomes),
        forgetting=sum(forgot) / len(forgot) if len(forgot) == len(outcomes) else None,
        outcomes=outcomes,
    )


def _corrected(here: list[Row]) -> list[Row]:
    corrected = holm([None if row.gap is None else row.gap.p for row in here])
    return [
        row if row.gap is None else replace(row, gap=replace(row.gap, p_holm=p)) for row, p in zip(here, corrected, strict=True)
    ]


def _value(outcome: Outcome, metric: str) -> float:
    value = outcome.value(metric)
    assert value is not None  # rows are made of outcomes that have it
    return value
