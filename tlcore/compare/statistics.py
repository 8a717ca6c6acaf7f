"""What a handful of seeds can tell: means with t-intervals, paired differences, and the price of looking many times.

Everything here is plain arithmetic on lists of numbers, so that it can be checked by hand and against scipy.stats.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit  # scipy.stats says the same and takes a second to import

LEVEL = 0.95
FLIP_LIMIT = 16  # seeds of which every pattern of signs is still tried: 65,536 patterns
EQUAL = 1e-12  # differences smaller than this are rounding


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds. `sd` is the sample's standard deviation, None for a single seed.

    The interval is None there too, and where all seeds gave the same: they then tell nothing of chance.
    """

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences, a strategy minus its baseline on the same seeds, with two tests of "no difference".

    `p` is the paired t-test's. `p_flip` is the exact sign-flip permutation's and `p_flip_least` the smallest that this many
    seeds can give: 2 / 2^n, .25 for three seeds, so that no result whatever would count as significant by it before n = 6.
    `identical` says that every seed gave the same difference: the seeds then tell nothing of chance, and there is no t-test.
    """

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    p: float | None
    p_flip: float | None
    p_flip_least: float | None
    identical: bool = False


def estimate(values: Sequence[float], *, bounds: tuple[float, float] | None = None) -> Estimate:
    """Mean, standard deviation and Student's 95 % interval of the mean: mean ± t(n-1) sd / √n.

    `bounds` are the metric's own (0 and 1 for a share); the interval is cut off there, which costs no coverage.
    Raises `ValueError` for no values.
    """
    n = len(values)
    if not n:
        raise ValueError("an estimate needs at least one value")
    mean = math.fsum(values) / n
    sd = _sd(values, mean)
    if sd is None:
        return Estimate(n, mean, None, None, None)
    if max(values) - min(values) < EQUAL:
        return Estimate(n, mean, 0.0, None, None)
    half = _half(sd, n)
    low, high = mean - half, mean + half
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Estimate(n, mean, sd, low, high)


def paired(values: Mapping[int, float], baseline: Mapping[int, float]) -> Difference | None:
    """The difference over the seeds that both have (seed -> value); None where they share none."""
    seeds = sorted(values.keys() & baseline.keys())
    if not seeds:
        return None
    return difference([values[seed] - baseline[seed] for seed in seeds])


def difference(apart: Sequence[float]) -> Difference:
    """Judge paired differences: their mean, its t-interval, the paired t-test and the exact sign-flip test."""
    n, found = len(apart), estimate(apart)
    if found.sd is None:
        return Difference(n, found.mean, None, None, None, None, None, None)
    p_flip = sign_flip(apart) if n <= FLIP_LIMIT else None
    least = 2.0 ** (1 - n) if p_flip is not None else None
    if found.low is None:
        return Difference(n, found.mean, 0.0, None, None, None, p_flip, least, identical=True)
    p = t_test(found.mean, found.sd, n)
    return Difference(n, found.mean, found.sd, found.low, found.high, p, p_flip, least)


def t_test(mean: float, sd: float, n: int) -> float:
    """Two-sided p of a mean of `n` differences against 0 (Student's paired t-test, n - 1 degrees of freedom)."""
    return float(2 * stdtr(n - 1, -abs(mean) / (sd / math.sqrt(n))))


def sign_flip(apart: Sequence[float]) -> float:
    """Two-sided p by trying every pattern of signs: the share with a mean at least as far from 0 as the one seen."""
    seen = abs(math.fsum(apart)) - EQUAL
    sums = [abs(math.fsum(s * d for s, d in zip(signs, apart, strict=True))) for signs in _signs(len(apart))]
    return sum(one >= seen for one in sums) / len(sums)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for their number (Holm 1979, step-down): the family's chance of any false alarm stays at the level.

    A None is a test that could not be made: it stays None and does not count.
    """
    known = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    corrected: list[float | None] = [None] * len(ps)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        corrected[place] = highest
    return corrected


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test: how likely so uneven a split of the images that only one of two names rightly."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return min(1.0, 2 * tail)


def _sd(values: Sequence[float], mean: float) -> float | None:
    if len(values) < 2:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _half(sd: float, n: int) -> float:
    return interval_factor(n) * sd


def interval_factor(n: int) -> float:
    """Half the width of the interval of `n` values, in standard deviations: t(n-1) / √n. 9.0 for two, 2.5 for three."""
    return float(stdtrit(n - 1, 0.5 + LEVEL / 2)) / math.sqrt(n)


def _signs(n: int) -> itertools.product:
    return itertools.product((1, -1), repeat=n)
