"""Medians, quartiles, intervals and ceilings against numbers worked out by hand or by scipy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from tlcore.bench.accuracy import overlap, wilson
from tlcore.bench.ceilings import ceilings, copy_gb_per_second, product_gflops
from tlcore.bench.timing import Spread, ratios, seconds_per_batch, spread, timed


def ticking(*times: float) -> Callable[[], float]:
    """A clock that says these times, one after the other."""
    said = iter(times)
    return lambda: next(said)


def test_quartiles_are_numpys() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 8.0, 3.0]
    low, median, high = np.percentile(values, [25, 50, 75])
    assert spread(values) == Spread(median, low, high)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0)


def test_ratios_are_taken_within_each_round() -> None:
    """The middle round was disturbed tenfold on both sides: its ratio is as good as the others'."""
    found = ratios([20.0, 300.0, 40.0], [10.0, 100.0, 10.0])
    assert found == Spread(3.0, 2.5, 3.5)
    assert found.as_dict() == {"median": 3.0, "low": 2.5, "high": 3.5}


def test_rounds_that_lack_a_side_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_a_batch_costs_the_median_time_between_first_images() -> None:
    """Batches of 2 that begin at 0, 9, 11, 14 and 15 s: after the warm-up (9 s) they take 2, 3 and 1 s."""
    asked = [0.0, 1.0, 9.0, 9.5, 11.0, 11.5, 14.0, 14.2, 15.0, 15.1]
    assert seconds_per_batch(asked, 2) == 2.0


def test_two_batches_are_too_few() -> None:
    with pytest.raises(ValueError, match="too few"):
        seconds_per_batch([0.0, 1.0, 2.0, 3.0], 2)


def test_a_call_is_timed_from_before_to_after() -> None:
    done = []
    assert timed(lambda: done.append(1), ticking(3.0, 5.5)) == 2.5
    assert done == [1]


@pytest.mark.parametrize(("right", "of"), [(0, 20), (20, 20), (7, 20), (622, 653)])
def test_wilsons_interval_is_scipys(right: int, of: int) -> None:
    expected = binomtest(right, of).proportion_ci(method="wilson")
    assert wilson(right, of) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_share_of_nothing_is_refused() -> None:
    for right, of in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no share"):
            wilson(right, of)


def test_intervals_overlap_where_they_touch() -> None:
    assert overlap((0.1, 0.5), (0.5, 0.9))
    assert overlap((0.2, 0.3), (0.1, 0.9))
    assert not overlap((0.1, 0.4), (0.5, 0.9))
    assert not overlap((0.5, 0.9), (0.1, 0.4))


def test_a_product_of_n_is_two_n_cubed_operations() -> None:
    """The trial takes 1 s, so each of two rounds is one call: of 2 s and of 0.5 s, the faster one counts."""
    clock = ticking(0, 1, 10, 12, 20, 20.5)
    assert product_gflops(torch.float32, rounds=2, sides=(64,), clock=clock) == pytest.approx(2 * 64**3 / 0.5 / 1e9)


def test_no_larger_product_is_tried_once_one_is_slow() -> None:
    """At 1 s the first side is slow, and the clock has nothing left to say about a second one."""
    clock = ticking(0, 1, 10, 11)
    assert product_gflops(torch.float32, rounds=1, sides=(8, 4096), clock=clock) == pytest.approx(2 * 8**3 / 1e9)


def test_a_copy_reads_and_writes() -> None:
    clock = ticking(0, 1, 10, 10.5)
    assert copy_gb_per_second(rounds=1, size=1000, clock=clock) == pytest.approx(2 * 1000 / 0.5 / 1e9)


def test_this_machines_ceilings() -> None:
    found = ceilings(rounds=1, sides=(64,), copy_bytes=2**16)
    assert found["threads"] == torch.get_num_threads()
    assert found["float32_gflops"] > 0
    assert found["bfloat16_gflops"] > 0
    assert found["copy_gb_per_s"] > 0
