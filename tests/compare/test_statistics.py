"""The statistics of few seeds, by hand and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tlcore.compare.pareto import pareto_front
from tlcore.compare.statistics import difference, estimate, holm, mcnemar, paired, sign_flip


def test_the_interval_of_three_seeds_by_hand() -> None:
    found = estimate([0.90, 0.92, 0.94])
    assert found.mean == pytest.approx(0.92)
    assert found.sd == pytest.approx(0.02)
    half = 4.302653 * 0.02 / math.sqrt(3)  # t with 2 degrees of freedom
    assert (found.low, found.high) == (pytest.approx(0.92 - half, abs=1e-6), pytest.approx(0.92 + half, abs=1e-6))


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_the_interval_and_the_test_are_scipys(n: int) -> None:
    rng = np.random.default_rng(n)
    first, second = rng.normal(0.9, 0.02, n), rng.normal(0.88, 0.02, n)
    low, high = stats.t.interval(0.95, n - 1, first.mean(), stats.sem(first))
    found = estimate(list(first))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    theirs = stats.ttest_rel(first, second)
    ours = paired(dict(enumerate(first)), dict(enumerate(second)))
    assert ours is not None
    assert ours.p == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval()
    assert (ours.low, ours.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    exact = stats.permutation_test((first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf)
    assert ours.p_flip == pytest.approx(exact.pvalue)


def test_a_single_seed_has_no_interval_and_none_is_made_up() -> None:
    assert (estimate([0.9]).sd, estimate([0.9]).low) == (None, None)
    one = difference([0.03])
    assert (one.mean, one.low, one.p, one.p_flip) == (0.03, None, None, None)


def test_an_interval_stays_within_what_a_share_can_be() -> None:
    found = estimate([0.99, 1.0], bounds=(0.0, 1.0))
    assert found.high == 1.0
    assert estimate([0.99, 1.0]).high > 1.0


@pytest.mark.parametrize(("n", "least"), [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_sign_flips_say_how_little_few_seeds_can_show(n: int, least: float) -> None:
    apart = [0.05 + 0.001 * i for i in range(n)]  # all in one direction: the strongest evidence there can be
    assert sign_flip(apart) == least
    assert difference(apart).p_flip_least == least


def test_seeds_that_are_all_alike_tell_nothing_of_chance() -> None:
    same = difference([0.02, 0.02, 0.02])
    assert same.identical
    assert (same.mean, same.low, same.p) == (pytest.approx(0.02), None, None)
    assert difference([0.0, 0.0]).p_flip == 1.0


def test_only_shared_seeds_are_paired() -> None:
    found = paired({0: 0.9, 1: 0.8, 7: 0.1}, {0: 0.8, 1: 0.75, 2: 0.5})
    assert found is not None
    assert (found.n, found.mean) == (2, pytest.approx(0.075))
    assert paired({0: 0.9}, {1: 0.9}) is None


def test_holm_by_hand() -> None:
    # Sorted .01 .03 .04: times 3, 2, 1 gives .03 .06 .04, which may not fall: .03 .06 .06. The missing one does not count.
    assert holm([0.04, 0.01, None, 0.03]) == [pytest.approx(0.06), pytest.approx(0.03), None, pytest.approx(0.06)]
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 3), (10, 2), (1, 9), (40, 25)])
def test_mcnemar_is_scipys_binomial_test(first: int, second: int) -> None:
    theirs = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(theirs)


def test_the_front_by_hand() -> None:
    #          cheap   better  worse   dear and best  dear and worse  equal to the best
    points = [(1, 0.8), (2, 0.9), (2, 0.7), (5, 0.95), (6, 0.94), (5, 0.95)]
    assert pareto_front(points) == [0, 1, 3, 5]
    assert pareto_front([]) == []
