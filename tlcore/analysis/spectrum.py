"""Features seen along their own directions: how much they vary along each, and how much of the labels lies there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Spectrum(NamedTuple):
    """Of features F (N, D) and targets Y (N, C). With F = U S V' the directions are the columns of U, k of them.

    Directions along which F does not vary have an entry of 0 in `sizes`, or none at all, their part of Y being in `left`.
    """

    sizes: np.ndarray  # (k,) the squares of S: the eigenvalues of F'F and of FF'
    along: np.ndarray  # (k, C) the squares of U'Y
    left: np.ndarray  # (C,) ||Y - UU'Y||², what no direction reaches


def spectrum(features: np.ndarray, targets: np.ndarray) -> Spectrum:
    """The spectrum of float64 `features` (N, D) and `targets` (N, C).

    Where D >= N the N x N matrix FF' has it all, null directions included, in a third of the time of a decomposition of F.
    A size below the rounding of float64 is 0.
    """
    images, dimensions = features.shape
    if images <= dimensions:
        sizes, directions = np.linalg.eigh(features @ features.T)
    else:
        directions, roots, _ = np.linalg.svd(features, full_matrices=False)
        sizes = roots**2
    sizes = np.where(sizes > smallest(sizes, features.shape), sizes, 0.0)
    parts = directions.T @ targets
    return Spectrum(sizes, parts**2, np.square(targets - directions @ parts).sum(0))


def smallest(sizes: np.ndarray, shape: tuple[int, ...]) -> float:
    """The size from which on a direction of a matrix of that `shape` is more than rounding."""
    return max(shape) * float(np.finfo(np.float64).eps) * float(sizes.max())
