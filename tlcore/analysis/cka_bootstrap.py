"""Intervals of CKA: what it would be on other images of the same kind, by drawing these anew.

U-centring takes a_i + a_j off each pair of different images so that least is left (least squares over the pairs), and HSIC1
is the inner product of what is left of both layers. In a draw an image counts as often as it was drawn, w_i, and a pair w_i w_j
times, in the fit and in the product; an image is never paired with itself, nor with its own copies, which would look like
agreement. With K the Gram matrix, its diagonal 0, r = K w and W the sum of w:

    a_i = (r_i - S) / (W - 2 w_i)        S = sum w_j a_j
    HSIC(K, L) = sum w_i w_j K_ij L_ij - 2 sum w_i a_i (L w)_i        up to a factor that CKA divides out

With all w_i = 1 that is CKA as `cka.py` has it. Where the layers have nothing in common, where a bootstrap of pairs is known
to err (Arcones & Giné 1992), the interval comes out wider than it need be and still holds 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlcore.analysis.cka import centred_gram, scaled
from tlcore.analysis.drawn import middle

Interval = tuple[float, float]


def cka_intervals(
    layers: Sequence[np.ndarray], drawn: np.ndarray, batches: Sequence[np.ndarray] | None = None
) -> dict[tuple[int, int], Interval | None]:
    """The 95 % interval of the CKA of each two of `layers` (N, D_i), by the places (i, j) of both, i < j.

    `drawn` (R, N) says how often each image is in each draw (`drawn.draws`). With `batches`, the rows of each, pairs are formed
    within a batch alone, as `cka_in_batches` forms them. None where CKA is not defined in more than a twentieth of the draws.
    Holds a float32 matrix of all pairs for each layer at once.
    """
    everything, tables = np.arange(drawn.shape[1]), [scaled(layer) for layer in layers]
    pairs = list(itertools.combinations_with_replacement(range(len(layers)), 2))
    sums = {pair: np.zeros(len(drawn)) for pair in pairs}
    for rows in batches or [everything]:
        weights = drawn[:, rows]
        fits = [_fit(centred_gram(table[rows]).astype(np.float32), weights) for table in tables]
        for i, j in pairs:
            sums[i, j] += _product(fits[i], fits[j], weights)
    return {(i, j): middle(_divided(sums[i, j], sums[i, i], sums[j, j])) for i, j in pairs if i < j}


@dataclass(frozen=True)
class _Fit:
    gram: np.ndarray  # (N, N)
    reach: np.ndarray  # (R, N): r of each draw
    share: np.ndarray  # (R, N): a of each draw


def _fit(gram: np.ndarray, weights: np.ndarray) -> _Fit:
    reach = weights @ gram
    free = weights.sum(1, keepdims=True) - 2 * weights
    free = np.where(free > 0, free, np.nan)  # one image is half of all: nothing can be fitted
    total = (weights * reach / free).sum(1) / (1 + (weights / free).sum(1))
    return _Fit(gram, reach, (reach - total[:, None]) / free)


def _product(one: _Fit, other: _Fit, weights: np.ndarray) -> np.ndarray:
    """HSIC of two layers in each draw (R,), summed in float64."""
    whole = np.einsum("rn,rn->r", weights @ (one.gram * other.gram), weights, dtype=np.float64)
    return whole - 2 * np.einsum("rn,rn,rn->r", weights, one.share, other.reach, dtype=np.float64)


def _divided(cross: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    sizes = np.sqrt(np.maximum(one, 0) * np.maximum(other, 0))
    return np.divide(cross, sizes, out=np.full_like(cross, np.nan), where=sizes > 0).clip(-1, 1)
