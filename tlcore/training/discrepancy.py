"""How far apart two sets of features are: the maximum mean discrepancy as a share of what would be the most.

    MMD² = k(x, x') + k(y, y') - 2 k(x, y)          shift = MMD² / (k(x, x') + k(y, y'))

k is a Gaussian kernel, each term its mean over pairs of different images, so that MMD² is unbiased: 0 on average for two
samples of one kind, whatever their number, and sometimes a little below (Gretton et al. 2012, eq. 3). The squared bandwidth is
the median squared distance of the pooled sample, their heuristic. Divided by the terms within the sets it is at most 1, where
no image of one set is near any of the other. (Departure from the paper: the division, and the bootstrap instead of a test.)

A classifier that tells the two sets apart (the proxy A-distance, Ben-David et al. 2010) was tried beside it and says nothing
here: on EfficientNet-Lite0 at 128 px it is right for 99 % of the images and more whichever dataset is held against photographs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 500
LEVEL = 0.95


@dataclass(frozen=True)
class Discrepancy:
    """The shift with its 95 % bootstrap interval over images, and what two halves of the source reach by chance."""

    shift: float
    low: float
    high: float
    floor: float  # the 95th percentile of the source's halves against each other: below it nothing can be told from 0


def discrepancy(source: np.ndarray, target: np.ndarray, *, seed: int) -> Discrepancy:
    """The shift between features (N, D) of source images and (M, D) of target images, 10 or more each.

    Images are drawn with replacement for the interval (an image is never paired with itself), with the bandwidth held;
    what is drawn is a function of `seed`.
    """
    rng = np.random.default_rng(seed)
    kernel = _kernel(np.concatenate([source, target]).astype(np.float64))
    n, m = len(source), len(target)
    everything = _shift(kernel, n, np.ones((1, n)), np.ones((1, m)))
    draws = _shift(
        kernel, n, rng.multinomial(n, np.full(n, 1 / n), RESAMPLES), rng.multinomial(m, np.full(m, 1 / m), RESAMPLES)
    )
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Discrepancy(float(everything[0]), float(low), float(high), _floor(kernel[:n, :n], rng))


def _kernel(features: np.ndarray) -> np.ndarray:
    """exp(-d² / median d²), (N, N). Features that are all alike have the kernel 1 everywhere."""
    lengths = np.square(features).sum(1)
    squares = np.maximum(lengths[:, None] + lengths[None, :] - 2 * features @ features.T, 0)
    median = np.median(squares[np.triu_indices(len(squares), 1)])
    return np.exp(-squares / median) if median > 0 else np.ones_like(squares)


def _shift(kernel: np.ndarray, n: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(B,) for B samples: `x` (B, n) and `y` (B, m) count how often each image of the source and the target was drawn."""
    within = _within(kernel[:n, :n], x) + _within(kernel[n:, n:], y)
    between = np.einsum("bi,bi->b", x @ kernel[:n, n:], y) / (x.sum(1) * y.sum(1))
    return (within - 2 * between) / within


def _within(kernel: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean over pairs of different images, each pair as often as it was drawn; the kernel's diagonal is 1."""
    squares = np.square(counts).sum(1)
    return (np.einsum("bi,bi->b", counts @ kernel, counts) - squares) / (np.square(counts.sum(1)) - squares)


def _floor(kernel: np.ndarray, rng: np.random.Generator) -> float:
    n = len(kernel) // 2
    order = [rng.permutation(len(kernel)) for _ in range(RESAMPLES // 5)]
    one = np.ones((1, n))
    halves = [_shift(kernel[np.ix_(o[: 2 * n], o[: 2 * n])], n, one, one)[0] for o in order]
    return float(np.quantile(halves, LEVEL))
