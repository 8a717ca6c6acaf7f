"""What can be done where memory runs out: the batch goes through in parts."""

from __future__ import annotations

import itertools
import math

from tlcore.models.memory import free, is_out_of_memory, nothing_fits

__all__ = ["free", "is_out_of_memory", "nothing_fits", "parts"]


def parts(images: int, at_once: int | None) -> list[slice]:
    """Slices of nearly equal size, of at most `at_once` images, but of 2 at least unless 1 is asked for (BatchNorm)."""
    count = 1 if at_once is None else min(math.ceil(images / at_once), max(1, images // min(2, at_once)))
    edges = [images * i // count for i in range(count + 1)]
    return [slice(low, high) for low, high in itertools.pairwise(edges)]
