"""The training images that a network sees a picture most like: the largest cosines of what its head looks at. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

NEIGHBOURS: Final = 5


@dataclass(frozen=True)
class Neighbour:
    """A training image near to a picture."""

    row: int  # in the bank
    id: str
    label: int
    similarity: float  # cosine, 1 at most


def directions(features: np.ndarray) -> np.ndarray:
    """`features` (N, D) as float32 of length 1; a row of zeros stays one, alike to nothing."""
    features = np.asarray(features, dtype=np.float32)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.divide(features, length, out=np.zeros_like(features), where=length > 0)


def nearest(
    bank: np.ndarray, row: np.ndarray, *, ids: Sequence[str], labels: np.ndarray, neighbours: int = NEIGHBOURS
) -> list[Neighbour]:
    """The `neighbours` rows of `bank` (N, D: `directions` of training images) nearest to a feature row (D,), nearest first.

    Of equally near ones the first in the bank comes first; where the bank has fewer, all of them.
    """
    similarity = bank.astype(np.float32) @ directions(row[None])[0]
    order = np.argsort(-similarity, kind="stable")[:neighbours]
    return [Neighbour(int(i), ids[i], int(labels[i]), float(similarity[i])) for i in order]
