"""From a map's own grid to pixels and back: maps enlarged smoothly, masks averaged to the cells.

Both keep what they are given of evidence: enlarged by the bilinear rule (half-pixel centres, the edge repeated) every cell ends
with the same weight, and averaged each cell says exactly which share of it is covered, also where cells cut pixels.
"""

from __future__ import annotations

import numpy as np

from tlcore.errors import SpecError


def enlarged(maps: np.ndarray, size: int) -> np.ndarray:
    """Maps (N, h, w) at `size` pixels: float32 (N, size, size), bilinear. Never scaled per image."""
    _check(maps)
    rows, columns = _bilinear(maps.shape[1], size), _bilinear(maps.shape[2], size)
    return (rows @ maps.astype(np.float32) @ columns.T).astype(np.float32)


def on_grid(masks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The share of every cell that a mask covers: float64 (N, h, w) in 0 to 1, from masks (N, H, W), bool or shares."""
    _check(masks)
    rows, columns = (_overlaps(size, cells) for size, cells in zip(masks.shape[1:], shape, strict=True))
    return rows @ masks.astype(np.float64) @ columns.T


def _check(values: np.ndarray) -> None:
    if values.ndim != 3 or 0 in values.shape[1:]:
        raise SpecError(f"Maps and masks are of the shape (images, height, width), not {values.shape}.")


def _bilinear(cells: int, size: int) -> np.ndarray:
    """(size, cells): how much each cell counts in each pixel."""
    places = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    low = np.minimum(places.astype(np.int64), max(0, cells - 2))
    weights = np.zeros((size, cells), np.float32)
    weights[np.arange(size), low] = 1 - (places - low)
    weights[np.arange(size), np.minimum(low + 1, cells - 1)] += places - low
    return weights


def _overlaps(size: int, cells: int) -> np.ndarray:
    """(cells, size): which share of each cell each pixel takes up."""
    edges = np.arange(cells + 1)[:, None] * size / cells
    pixels = np.arange(size)
    covered = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return np.clip(covered, 0, None) * cells / size
