"""Rank correlation and structural similarity, against scipy and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from tlcore.errors import SpecError
from tlcore.explain.similarity import RASTER, similarity, spearman, ssim
from tlcore.training.intervals import mean_interval


def noise(seed: int, count: int = 4, side: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, side, side))


def test_ranks_are_scipys_with_ties_as_a_relu_leaves_them() -> None:
    one, other = np.clip(noise(0), 0, None), np.clip(noise(1), 0, None)
    theirs = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(spearman(one, other), theirs)


def test_magnitude_counts_and_scale_does_not() -> None:
    one = noise(2)
    np.testing.assert_allclose(spearman(one, -3 * one), 1)
    np.testing.assert_allclose(ssim(one, -3 * one), 1)
    assert spearman(np.array([[[1.0, 2], [3, 4]]]), np.array([[[4.0, 3], [2, 1]]]))[0] == pytest.approx(-1)


def test_structure_is_scikit_images() -> None:
    one, other = np.abs(noise(3, side=RASTER)), np.abs(noise(4, side=RASTER))
    theirs = [
        structural_similarity(
            a / a.max(), b / b.max(), data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for a, b in zip(one, other, strict=True)
    ]
    np.testing.assert_allclose(ssim(one, other), theirs, atol=1e-9)


def test_maps_of_every_grid_are_compared_on_one_raster() -> None:
    for side in (3, 14, 64, 96):
        assert np.all(ssim(noise(5, side=side), noise(5, side=side)) == pytest.approx(1))
        assert np.all(ssim(noise(5, side=side), noise(6, side=side)) < 0.9)


def test_a_map_that_is_the_same_everywhere_is_left_out_and_counted() -> None:
    one, other = noise(7), noise(8)
    one[1] = 0
    other[2] = 5
    found = similarity(one, other, seed=4)
    kept = [0, 3]
    assert (found["images"], found["silent"]) == (2, 2)
    assert found["spearman"] == mean_interval(spearman(one, other)[kept], seed=4)
    assert found["ssim"] == mean_interval(ssim(one, other)[kept], seed=4)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(SpecError, match="place by place"):
        spearman(noise(0), noise(0, side=4))
