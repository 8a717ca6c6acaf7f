"""How alike two maps of one picture are, as Adebayo et al. (2018) measure it: by rank, and by structure.

Of signed maps the magnitude counts, |map|, as there. Neither measure sees how strong the evidence is, only where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

from tlcore.errors import SpecError
from tlcore.explain.grid import enlarged, on_grid
from tlcore.training.intervals import mean_interval

RASTER = 64  # pixels: maps of every grid are laid on it before their structure is compared
_SIGMA, _K1, _K2 = 1.5, 0.01, 0.03  # of Wang et al. 2004


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Rank correlation of |maps| (N, h, w), place by place: float64 (N,). NaN where a map is the same everywhere.

    Equal values share the mean of their ranks, so that the zeros which a ReLU leaves are told apart from nothing.
    """
    _same_shape(one, other)
    return np.array([_by_rank(a, b) for a, b in zip(one, other, strict=True)], dtype=np.float64)


def ssim(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004) of |maps| (N, h, w): float64 (N,). NaN where a map is zero everywhere.

    Each map is divided by its own largest value and laid on 64 x 64 pixels; Gaussian windows of 1.5 pixels, cut off at 11.
    """
    _same_shape(one, other)
    a, b = _laid(one), _laid(other)

    def blur(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, (0, _SIGMA, _SIGMA), truncate=5 / _SIGMA)

    mean_a, mean_b = blur(a), blur(b)
    spread_a, spread_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    c1, c2 = _K1**2, _K2**2
    values = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (spread_a + spread_b + c2))
    return values[:, 5:-5, 5:-5].mean((1, 2))  # where windows are whole


def similarity(one: np.ndarray, other: np.ndarray, *, seed: int, clusters: Sequence[str] | None = None) -> dict[str, Any]:
    """Both measures as {value, low, high, method} over the images (bootstrap, of `clusters` whole ones), and how many count.

    {spearman, ssim, images, silent}: an image of which either map is the same everywhere says nothing, and is left out.
    """
    rank, structure = spearman(one, other), ssim(one, other)
    kept = np.isfinite(rank) & np.isfinite(structure)
    owners = None if clusters is None else [owner for owner, keep in zip(clusters, kept, strict=True) if keep]
    return {
        "spearman": mean_interval(rank[kept], seed=seed, clusters=owners),
        "ssim": mean_interval(structure[kept], seed=seed, clusters=owners),
        "images": int(kept.sum()),
        "silent": int((~kept).sum()),
    }


def _by_rank(one: np.ndarray, other: np.ndarray) -> float:
    a, b = (rankdata(np.abs(values)) for values in (one, other))
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm > 0 else np.nan


def _laid(maps: np.ndarray) -> np.ndarray:
    magnitude = np.abs(maps).astype(np.float64)
    top = magnitude.max((1, 2), keepdims=True)
    shares = np.divide(magnitude, top, out=np.full_like(magnitude, np.nan), where=top > 0)
    return on_grid(shares, (RASTER, RASTER)) if maps.shape[1] > RASTER else enlarged(shares, RASTER).astype(np.float64)


def _same_shape(one: np.ndarray, other: np.ndarray) -> None:
    if one.shape != other.shape or one.ndim != 3:
        raise SpecError(f"Maps are compared place by place: {one.shape} and {other.shape} do not match.")
