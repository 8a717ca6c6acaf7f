"""CKA: whether two layers tell the same images apart (Kornblith et al. 2019, "Similarity of neural network representations
revisited"), linear and debiased.

With K and L the Gram matrices of the two layers' features, their diagonals set to 0,

    HSIC1(K, L) = [tr(KL) + (1'K1)(1'L1) / ((n-1)(n-2)) - 2/(n-2) 1'KL1] / (n(n-3))        (Song et al. 2007)
    CKA = HSIC1(K, L) / sqrt(HSIC1(K, K) HSIC1(L, L))

Only pairs of different images count. That is what makes it honest with few images: for independent noise in 2,048
dimensions and 256 images the plain form says .89, this one 0 on average, so a value may lie a little below 0.

HSIC1 is computed as the inner product of the U-centred matrices (Székely & Rizzo 2014), which is the same number: so all pairs
of layers come from one matrix product, HSIC1(K, K) is never negative, and CKA never leaves -1 to 1. It is not defined, and
None, where that is 0: for features that are the same for every image, and for those that differ in one image alone.

In minibatches (Nguyen et al. 2021, "Do wide and deep networks learn the same things?") the three HSIC1 are averaged over
batches before they are divided, so that memory grows with the batch and not with the square of the number of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlcore.analysis.undefined import EVEN, Undefined, table

FEWEST = 4  # images; with fewer, HSIC1 divides by 0
NOTHING = 1e-10  # of the features' squared length: a U-centred Gram matrix below that is rounding


def cka(x: np.ndarray, y: np.ndarray) -> float | None:
    """Debiased linear CKA of two layers' features (N, D) and (N, E) of the same images; float64.

    1: they tell the images apart alike, up to rotation and scale; 0: as unrelated layers do. None where it is not defined
    (above). Raises `Undefined` with fewer than 4 images, features that are not finite, or unequal numbers of images.
    """
    return cka_matrix([x], [y])[0, 0]


def cka_matrix(xs: Sequence[np.ndarray], ys: Sequence[np.ndarray]) -> np.ndarray:
    """`cka` of each of `xs` (L of them, (N, D_i)) with each of `ys` (M of them): an object array (L, M) of float or None.

    Holds (L + M) N² / 2 float64 at once: for more than about 2,000 images, use `cka_in_batches`.
    """
    rows, columns = _tables(xs, ys)
    return _divided(*_hsic(rows, columns))


def batches_of(images: int, *, batch: int = 256, seed: int = 0) -> list[np.ndarray]:
    """The rows of each batch: of nearly equal size, at most `batch` images and never below 4, each image in one of them.

    Which images share a batch is drawn by `seed`: in the order of a dataset a batch could be of one class alone.
    """
    count = max(1, min(-(-images // batch), images // FEWEST))
    return np.array_split(np.random.default_rng(seed).permutation(images), count)


@dataclass(frozen=True)
class InBatches:
    """CKA from minibatches, and what it was taken from."""

    values: np.ndarray  # (L, M) object array of float or None, as `cka_matrix` gives it
    images: int
    batches: int


def cka_in_batches(xs: Sequence[np.ndarray], ys: Sequence[np.ndarray], *, batch: int = 256, seed: int = 0) -> InBatches:
    """`cka_matrix` in the batches of `batches_of`. Raises as `cka_matrix` does."""
    rows, columns = _tables(xs, ys)
    images = len(rows[0])
    cross, own_rows, own_columns = 0.0, 0.0, 0.0
    batches = batches_of(images, batch=batch, seed=seed)
    for chosen in batches:
        found = _hsic([one[chosen] for one in rows], [one[chosen] for one in columns])
        cross, own_rows, own_columns = cross + found[0], own_rows + found[1], own_columns + found[2]
    return InBatches(_divided(cross, own_rows, own_columns), images, len(batches))


def _tables(xs: Sequence[np.ndarray], ys: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rows = [scaled(x) for x in xs]
    columns = rows if ys is xs else [scaled(y) for y in ys]
    numbers = sorted({len(one) for one in rows + columns})
    if len(numbers) != 1:
        raise Undefined(f"CKA compares layers on the same images, but there are features of {numbers} images.")
    if numbers[0] < FEWEST:
        raise Undefined(f"CKA needs {FEWEST} images or more, and there are {numbers[0]}.", next_step="Take more images.")
    return rows, columns


def scaled(features: np.ndarray) -> np.ndarray:
    """Checked, with 1 for the largest number: fourth powers of it are to come, and CKA does not depend on a scale."""
    values = table(features)
    return values / (np.abs(values).max() or 1.0)


def _hsic(rows: Sequence[np.ndarray], columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HSIC1 of each row with each column (L, M), of each row with itself (L,), of each column with itself (M,)."""
    images = len(rows[0])
    pairs = np.triu_indices(images, 1)
    left = np.stack([centred_gram(one)[pairs] for one in rows])
    right = left if columns is rows else np.stack([centred_gram(one)[pairs] for one in columns])
    scale = 2 / (images * (images - 3))  # each pair stands in the matrix twice
    return scale * (left @ right.T), scale * np.square(left).sum(1), scale * np.square(right).sum(1)


def centred_gram(features: np.ndarray) -> np.ndarray:
    """The U-centred Gram matrix (N, N) of `scaled` features (N, D); its diagonal, and what is but rounding, 0.

    The features are centred first, which changes nothing but the rounding.
    """
    images = len(features)
    centred = features - features.mean(0)
    length = np.square(centred).sum()
    if length <= EVEN**2 * np.square(features).sum():
        return np.zeros((images, images))
    gram = centred @ centred.T
    np.fill_diagonal(gram, 0.0)
    means = gram.sum(0) / (images - 2)
    means -= means.sum() / (2 * (images - 1))
    gram -= means[:, None] + means[None, :]
    np.fill_diagonal(gram, 0.0)
    return gram if np.linalg.norm(gram) > NOTHING * length else np.zeros_like(gram)


def _divided(cross: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """HSIC1(K, L) / sqrt(HSIC1(K, K) HSIC1(L, L)), or None."""
    sizes = np.sqrt(rows)[:, None] * np.sqrt(columns)[None, :]
    values = np.divide(cross, sizes, out=np.zeros_like(cross), where=sizes > 0).clip(-1, 1).astype(object)
    values[sizes == 0] = None
    return values
