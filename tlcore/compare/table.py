"""The table of a comparison: for each setting and strategy the mean over seeds, and how far it is from the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tlcore.compare.folder import Contents
from tlcore.compare.images import paired_over_images
from tlcore.compare.outcomes import Filled, Outcome
from tlcore.compare.spec import CompareSpec, Setting
from tlcore.compare.statistics import Estimate, difference, estimate, holm

Over = Literal["seeds", "images", "patients"]
Pair = tuple[str, str]  # names of strategies
BOUNDS = (0.0, 1.0)  # all metrics compared are between these
NOISE = 0.05  # a corrected p from here on is noise
SCRATCH = "from-scratch"
FEATURES: Pair = ("linear-probe", "random-features")  # the same head on pretrained features and on random ones


@dataclass(frozen=True)
class Gap:
    """One strategy minus another in the same setting, paired. What cannot be known is None.

    `over` says what varies: the seeds; or, where there is one seed or all gave the same difference, the test images (or
    patients). `p_holm` is `p` corrected for the family of pairs that it is looked at with (`verdicts`).
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
        """Whether noise explains it: the interval holds 0, or the corrected p is not below .05; None without an interval.

        It is the one rule by which every reading of a comparison calls a difference more than noise.
        """
        if self.low is None or self.high is None:
            return None
        return self.low <= 0 <= self.high or self.fails_correction

    @property
    def fails_correction(self) -> bool:
        """Whether the corrected p is not below .05, whatever the interval says, which is of this pair alone."""
        return self.p_holm is not None and self.p_holm >= NOISE

    def turned(self) -> Gap:
        """The second minus the first."""
        if self.low is None or self.high is None:
            return replace(self, mean=-self.mean)
        return replace(self, mean=-self.mean, low=-self.high, high=-self.low)


@dataclass(frozen=True)
class Row:
    """One strategy in one setting, over the seeds that are done."""

    setting: Setting
    strategy: str
    seeds: tuple[int, ...]
    estimate: Estimate
    own: Mapping[str, Any] | None  # where the seeds give no interval: the first run's own, over its test images
    trainable_params: int
    seconds: float
    per_class: float
    forgetting: float | None
    outcomes: Mapping[int, Outcome]  # by seed
    gap: Gap | None = None  # this one minus the baseline; None for the baseline itself, and where that is not done
    against: Mapping[str, Gap] = field(default_factory=dict)  # this one minus another strategy, for all pairs that are read

    @property
    def interval(self) -> tuple[float, float] | None:
        """Over the seeds; with one seed, or where all gave the same, a run's own, over its test images."""
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
        names = [name for name in contents.spec.names if (setting, name) in done]
        here = [_row(setting, name, done[setting, name], metric) for name in names]
        found += _judged(contents.spec, here, metric)
    return tuple(found)


def majorities(filled: Sequence[Filled]) -> dict[Setting, Majority]:
    """The majority baseline of every setting that has a result."""
    return {
        one.entry.cell.setting: Majority(one.entry.cell.setting, one.outcome.majority, one.outcome.classes)
        for one in filled
        if one.outcome is not None and one.outcome.majority is not None
    }


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


def _row(setting: Setting, name: str, outcomes: dict[int, Outcome], metric: str) -> Row:
    seeds = tuple(sorted(outcomes))
    first = outcomes[seeds[0]]
    forgot = [one.forgetting for one in outcomes.values() if one.forgetting is not None]
    over_seeds = estimate([_value(outcomes[seed], metric) for seed in seeds], bounds=BOUNDS)
    return Row(
        setting=setting,
        strategy=name,
        seeds=seeds,
        estimate=over_seeds,
        own=first.test[metric] if over_seeds.low is None else None,
        trainable_params=first.trainable_params,
        seconds=sum(one.seconds for one in outcomes.values()) / len(outcomes),
        per_class=sum(one.per_class for one in outcomes.values()) / len(outcomes),
        forgetting=sum(forgot) / len(forgot) if len(forgot) == len(outcomes) else None,
        outcomes=outcomes,
    )


def verdicts(here: Sequence[Row], families: Sequence[Sequence[Pair]], metric: str) -> dict[Pair, Gap]:
    """A gap for each pair of strategies, both ways round; its p is corrected for its family (Holm).

    A pair of several families belongs to the first, so that it has one verdict wherever it is spoken of.
    """
    outcomes = {row.strategy: row.outcomes for row in here}
    found: dict[Pair, Gap] = {}
    for family in families:
        fresh = {(a, b): gap(outcomes[a], outcomes[b], metric) for a, b in family if (a, b) not in found}
        known = {pair: one for pair, one in fresh.items() if one is not None}
        for (pair, one), p in zip(known.items(), holm([one.p for one in known.values()]), strict=True):
            found[pair] = replace(one, p_holm=p)
            found[pair[1], pair[0]] = found[pair].turned()
    return found


def _families(spec: CompareSpec, here: Sequence[Row]) -> list[list[Pair]]:
    """What readings speak of in a setting: all against the baseline, against the best, and against training from scratch;
    and what pretrained features are worth."""
    best = best_of(here).strategy
    names = [row.strategy for row in here]
    pretrained = [name for name in names if spec.strategy(name).start.kind != "random"]
    held = [(names, spec.baseline), (names, best), (pretrained, SCRATCH)]
    families = [[(name, base) for name in those if name != base] if base in names else [] for those, base in held]
    return [*families, [FEATURES] if set(FEATURES) <= set(names) else []]


def _judged(spec: CompareSpec, here: Sequence[Row], metric: str) -> list[Row]:
    if not here:
        return []
    found = verdicts(here, _families(spec, here), metric)
    judged = []
    for row in here:
        against = {other: one for (name, other), one in found.items() if name == row.strategy}
        judged.append(replace(row, gap=against.get(spec.baseline), against=against))
    return judged


def best_of(here: Sequence[Row]) -> Row:
    """The row with the highest mean; of equals the first."""
    return max(here, key=lambda row: row.estimate.mean)


def tied_with_best(here: Sequence[Row]) -> list[Row]:
    """The others of a setting that noise may keep from being the best, the best of them first."""
    best = best_of(here)
    ranked = sorted((row for row in here if row is not best), key=lambda row: -row.estimate.mean)
    return [row for row in ranked if (apart := best.against.get(row.strategy)) is not None and apart.within_noise]


def _value(outcome: Outcome, metric: str) -> float:
    value = outcome.value(metric)
    assert value is not None  # rows are made of outcomes that have it
    return value
