"""The shift between two sets of features: by hand, against scikit-learn's kernel, and on what it must be able to tell."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

from tlcore.training.discrepancy import discrepancy


def _sets(n: int, m: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 8)), rng.normal(size=(m, 8)) + apart


def test_it_is_the_unbiased_mmd_over_pairs_of_different_images() -> None:
    source, target = _sets(14, 9, 1.0)
    both = np.concatenate([source, target])
    squares = euclidean_distances(both, squared=True)
    kernel = rbf_kernel(both, gamma=1 / np.median(squares[np.triu_indices(23, 1)]))
    k_xx = (kernel[:14, :14].sum() - 14) / (14 * 13)
    k_yy = (kernel[14:, 14:].sum() - 9) / (9 * 8)
    mmd2 = k_xx + k_yy - 2 * kernel[:14, 14:].mean()
    assert discrepancy(source, target, seed=0).shift == pytest.approx(mmd2 / (k_xx + k_yy), abs=1e-12)


def test_by_hand_on_points_of_a_line() -> None:
    # Ten at 0, ten at 2. Of 190 squared distances 90 are 0 and 100 are 4: the median is 4, and the kernel across is 1 / e.
    source, target = np.zeros((10, 1)), np.full((10, 1), 2.0)
    assert discrepancy(source, target, seed=0).shift == pytest.approx((2 - 2 / np.e) / 2)


def test_two_samples_of_one_kind_are_0_on_average_and_below_the_floor_mostly() -> None:
    found = [discrepancy(*_sets(60, 60, 0.0, seed), seed=seed) for seed in range(40)]
    shifts = np.array([one.shift for one in found])
    assert abs(shifts.mean()) < 3 * shifts.std(ddof=1) / np.sqrt(len(shifts))
    assert shifts.min() < 0 < shifts.max()
    assert np.mean([one.shift < one.floor for one in found]) > 0.9


def test_it_grows_with_the_distance_and_its_interval_holds_it() -> None:
    found = [discrepancy(*_sets(80, 80, apart), seed=0) for apart in (0.0, 0.5, 1.0, 2.0, 8.0)]
    shifts = [one.shift for one in found]
    assert shifts == sorted(shifts)
    assert shifts[-1] < 1
    for one in found:
        assert one.low < one.high
        assert one.low - 0.01 <= one.shift <= one.high + 0.01


def test_the_bootstrap_pairs_no_image_with_itself() -> None:
    """Drawn twice, an image would be its own neighbour at distance 0, and every interval would lie above its value."""
    found = [discrepancy(*_sets(40, 40, 0.5, seed), seed=seed) for seed in range(20)]
    below = np.mean([one.shift - one.low for one in found])
    above = np.mean([one.high - one.shift for one in found])
    assert 0.5 < below / above < 2


def test_the_seed_decides_and_all_alike_is_no_shift() -> None:
    sets = _sets(30, 30, 0.3)
    assert discrepancy(*sets, seed=1) == discrepancy(*sets, seed=1)
    assert discrepancy(*sets, seed=1).low != discrepancy(*sets, seed=2).low
    assert discrepancy(np.ones((12, 3)), np.ones((10, 3)), seed=0).shift == 0
