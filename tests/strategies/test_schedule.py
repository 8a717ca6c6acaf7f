"""Schedules, against values worked out by hand."""

from __future__ import annotations

import pytest

from tlcore.errors import UnknownName
from tlcore.strategies.schedule import SCHEDULES, share_of_peak


def test_constant_stays_at_the_peak() -> None:
    assert [share_of_peak("constant", step, 4) for step in range(4)] == [1.0] * 4


def test_cosine_starts_at_the_peak_and_is_halfway_at_half_time() -> None:
    assert share_of_peak("cosine", 0, 10) == 1.0
    assert share_of_peak("cosine", 5, 10) == pytest.approx(0.5)
    assert share_of_peak("cosine", 9, 10) == pytest.approx(0.02447, abs=1e-5)  # (1 + cos(0.9 pi)) / 2


def test_one_cycle_rises_for_a_quarter_and_then_falls_almost_to_nothing() -> None:
    shares = [share_of_peak("one-cycle", step, 100) for step in range(100)]
    assert shares[0] == pytest.approx(1 / 25)
    assert shares.index(max(shares)) == 25
    assert max(shares) == 1.0
    assert shares[:26] == sorted(shares[:26])
    assert shares[25:] == sorted(shares[25:], reverse=True)
    assert shares[-1] < 0.001


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_single_step_is_taken_at_the_peak(schedule) -> None:
    assert share_of_peak(schedule, 0, 1) == 1.0


def test_an_unknown_schedule_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="constant, cosine, one-cycle, slanted-triangular"):
        share_of_peak("triangle", 0, 10)  # type: ignore[arg-type]
