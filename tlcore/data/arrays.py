"""Datasets that come as arrays of pictures rather than as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tlcore.data.listing import Item, SplitName, digest_of
from tlcore.files import replacing
from tlcore.settings import cache_dir

Arrays = tuple[np.ndarray, np.ndarray]  # pictures uint8 (N, H, W) or (N, H, W, 3); labels (N,)


def array_items(
    images: np.ndarray, labels: Sequence[int] | np.ndarray, *, prefix: str, split: SplitName | None = None
) -> list[Item]:
    """One item for each picture of `images`, uint8 (N, H, W) or (N, H, W, 3)."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or len(images) != len(labels):
        raise ValueError(f"pictures must be uint8 (N, H, W) or (N, H, W, 3), one label each, not {images.dtype} {images.shape}")
    return [
        Item(
            id=f"{prefix}/{i:06d}",
            read=partial(_picture, images, i),
            label=int(labels[i]),
            digest=digest_of(np.ascontiguousarray(images[i]).tobytes()),
            split=split,
        )
        for i in range(len(images))
    ]


def _picture(images: np.ndarray, i: int) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(images[i])).convert("RGB")


def kept(name: str, build: Callable[[], Arrays]) -> Arrays:
    """The arrays that `build` makes, memory-mapped from the cache and made only on first use."""
    folder = cache_dir() / "arrays"
    files = folder / f"{name}-images.npy", folder / f"{name}-labels.npy"
    if not all(file.exists() for file in files):
        for file, array in zip(files, build(), strict=True):
            with replacing(Path(file)) as stream:
                np.save(stream, array)
    images, labels = (np.load(file, mmap_mode="r") for file in files)
    return images, labels
