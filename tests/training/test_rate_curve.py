"""The curve of a rate finder: fastai's suggestion from the same losses, and the smoothing and the stop by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.training.rate_curve import has_diverged, longest_valley, smoothed, suggest


def _curve(seed: int, points: int = 85) -> list[float]:
    """A loss that falls, rests and climbs, with noise."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, points)
    fall, climb = 1.2 / (1 + np.exp(-12 * (x - 0.45))), 60 * np.maximum(0, x - 0.75) ** 2
    return list(np.round(2 - fall + climb + rng.normal(0, 0.01, points), 6))


# The places that `valley` of fastai 2.8.12 chooses.
@pytest.mark.parametrize(("seed", "place"), [(0, 35), (1, 36), (2, 35)])
def test_it_suggests_what_fastai_does(seed: int, place: int) -> None:
    assert longest_valley(_curve(seed)).chosen == place


@pytest.mark.parametrize(
    ("losses", "place"),
    [
        ([5, 4, 3, 2, 1], 0),
        ([1, 2, 3, 4], 0),
        ([3, 2.5, 2.6, 2.0, 1.5, 1.6, 1.0, 0.9, 1.2, 2, 3, 5], 4),
        ([1, 1, 1, 1], 0),
    ],
)
def test_and_on_short_curves(losses: list[float], place: int) -> None:
    assert longest_valley(losses).chosen == place


def test_the_running_mean_by_hand() -> None:
    # mean 0.02 x 1 = .02, by 1 - .98: 1. Then .98 x .02 + .02 x 3 = .0796, by 1 - .9604: 2.0101.
    assert smoothed([1.0, 3.0]) == pytest.approx([1.0, 0.0796 / 0.0396])
    assert smoothed([2.0] * 50) == pytest.approx([2.0] * 50)


def test_four_times_the_lowest_is_divergence() -> None:
    assert not has_diverged([1.0, 0.5, 2.0])
    assert has_diverged([1.0, 0.5, 2.01])


def test_a_suggestion_leaves_out_the_first_tenth_and_the_last_five() -> None:
    curve = _curve(0)
    found = suggest([9.0] * 10 + curve + [9.0] * 5, 100)
    assert found is not None
    assert found.chosen == 10 + 35
    assert found.first < found.chosen < found.last


@pytest.mark.parametrize("losses", [[1.0] * 60, list(np.linspace(1, 3, 60)), list(np.linspace(1, 0.995, 60)), [1.0, 0.5]])
def test_no_fall_no_suggestion(losses: list[float]) -> None:
    assert suggest(losses, 60) is None
