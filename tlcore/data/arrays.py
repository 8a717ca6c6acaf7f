"""Datasets that come as arrays of pictures rather than as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PIL import Image

from tlcore.data.listing import Item, SplitName, digest_of
from tlcore.files import replacing
from tlcore.settings import cache_dir

Arrays = tuple[np.ndarray, np.ndarray]  # pictures uint8 (N, H, W) or (N, H, W, 3); labels (N,)


def array_items(
    images: np.ndarray,
    labels: Sequence[int] | np.ndarray,
    *,
    prefix: str,
    split: SplitName | None = None,
    digests: Sequence[str] | None = None,
) -> list[Item]:
    """One item for each picture of `images`, uint8 (N, H, W) or (N, H, W, 3); `digests` where they are known already."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or len(images) != len(labels):
        raise ValueError(f"pictures must be uint8 (N, H, W) or (N, H, W, 3), one label each, not {images.dtype} {images.shape}")
    plain = np.asarray(images)  # the same memory: cutting 60,000 pictures out of a `memmap` takes longer
    known = _digests(plain) if digests is None else digests
    return [
        Item(f"{prefix}/{i:06d}", partial(_picture, plain, i), label, digest, split=split)
        for i, (label, digest) in enumerate(zip(np.asarray(labels).tolist(), known, strict=True))
    ]


def _digests(images: np.ndarray) -> list[str]:
    return [digest_of(np.ascontiguousarray(image).tobytes()) for image in images]


def _picture(images: np.ndarray, i: int) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(images[i])).convert("RGB")


def kept_items(name: str, build: Callable[[], Arrays], *, prefix: str, split: SplitName | None = None) -> list[Item]:
    """The items of the arrays that `build` makes: made on first use, then memory-mapped from the cache with their digests."""
    files = [cache_dir() / "arrays" / f"{name}-{part}.npy" for part in ("images", "labels", "digests")]
    if not all(file.exists() for file in files):
        images, labels = build()
        for file, array in zip(files, (images, labels, np.array(_digests(images), dtype="S64")), strict=True):
            with replacing(file) as stream:
                np.save(stream, array)
    images, labels, digests = (np.load(file, mmap_mode="r") for file in files)
    return array_items(images, labels, prefix=prefix, split=split, digests=digests.astype("U64").tolist())
