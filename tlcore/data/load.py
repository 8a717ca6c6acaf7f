"""Datasets as arrays: decoded once, kept in the cache, memory-mapped where they are large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlcore.data.catalogue import DatasetCard
from tlcore.progress import Progress, silent


@dataclass(frozen=True)
class Split:
    """Pictures of one size with their labels."""

    images: np.ndarray  # uint8 (N, S, S, 3), in memory or memory-mapped, read only
    labels: np.ndarray  # int64 (N,)
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Dataset:
    """A dataset ready for training."""

    card: DatasetCard
    classes: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    digest: str  # of pictures, labels and split: equal digests are the same data
    notices: tuple[str, ...]


def load(
    dataset: str,
    *,
    labels: str | None = None,
    image_size: int,
    images_per_class: int | None = None,
    seed: int = 0,
    interpolation: str = "bicubic",
    progress: Progress = silent,
) -> Dataset:
    """Fetch, split, decode and cache a catalogued dataset or a person's own."""
    raise NotImplementedError
