"""What a layer sees, as pictures: filters, marked images, maps and colours laid out in grids. NumPy alone; uint8 RGB or RGBA.

What stands side by side is drawn on one scale, because two pictures that are each stretched to their own cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GAP = 2  # pixels between two tiles, see-through
SMALLEST_MARK = 13  # pixels: a mark that is smaller hides what it marks


@dataclass(frozen=True)
class Sheet:
    """The small copies of a job's images, row by row in one picture."""

    pixels: np.ndarray  # uint8 (H, W, 3)
    side: int
    columns: int

    def tile(self, row: int) -> np.ndarray:
        """The image at place `row`, (side, side, 3)."""
        top, left = row // self.columns * self.side, row % self.columns * self.side
        return self.pixels[top : top + self.side, left : left + self.side]


def grid(tiles: Sequence[np.ndarray], *, columns: int, side: int) -> np.ndarray:
    """Square tiles (h, w, 3) in rows of `columns`, each enlarged to about `side` pixels without smoothing; RGBA."""
    large = [enlarged(tile, side) for tile in tiles]
    height, width = large[0].shape[:2]
    rows = -(-len(large) // columns)
    canvas = np.zeros((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 4), dtype=np.uint8)
    for place, tile in enumerate(large):
        top, left = place // columns * (height + GAP), place % columns * (width + GAP)
        canvas[top : top + height, left : left + width, :3] = tile
        canvas[top : top + height, left : left + width, 3] = 255
    return canvas


def enlarged(tile: np.ndarray, side: int) -> np.ndarray:
    """`tile` with each pixel repeated as often as brings it closest to `side`, and at least once."""
    times = max(1, round(side / tile.shape[0]))
    return tile.repeat(times, axis=0).repeat(times, axis=1)


def filter_tiles(*filters: np.ndarray) -> list[np.ndarray]:
    """Filters (K, h, w, 3) of several networks as colours: middle gray is 0, the largest weight of all is the end."""
    largest = max(float(np.abs(weights).max()) for weights in filters) or 1.0
    return [(127.5 + 127.5 * weights / largest).round().astype(np.uint8) for weights in filters]


def difference_tiles(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, float]:
    """What changed between two networks' filters, as colours, and how much stronger it is drawn than the filters are."""
    change = after - before
    largest = float(max(np.abs(before).max(), np.abs(after).max()))
    strongest = float(np.abs(change).max())
    (tiles,) = filter_tiles(change)
    return tiles, largest / strongest if strongest else 1.0


def marked(tile: np.ndarray, place: Sequence[float], size: Sequence[int], *, side: int) -> np.ndarray:
    """An image enlarged to about `side` pixels with a frame around a cell of a map of `size` (rows, columns).

    `place` is the cell's middle, from left and top, 0 to 1. The frame is white within black, to be seen on anything.
    """
    picture = enlarged(tile, side).copy()
    height, width = picture.shape[:2]
    half_x, half_y = (max(SMALLEST_MARK, pixels / cells) / 2 for pixels, cells in ((width, size[1]), (height, size[0])))
    left, right = _span(place[0] * width, half_x, width)
    top, bottom = _span(place[1] * height, half_y, height)
    for colour, inset in ((0, 0), (255, 1)):
        frame = np.s_[top + inset : bottom - inset, left + inset : right - inset]
        inside = picture[frame][1:-1, 1:-1].copy()
        picture[frame] = colour
        picture[frame][1:-1, 1:-1] = inside
    return picture


def _span(middle: float, half: float, length: int) -> tuple[int, int]:
    """From where to where a frame goes, pushed inside the picture."""
    width = min(length, round(2 * half))
    first = min(max(0, round(middle - half)), length - width)
    return first, first + width


def map_tiles(*maps: np.ndarray) -> list[np.ndarray]:
    """The maps (h, w, c) of one image in several networks as grays (c, h, w, 3): a channel is drawn on one scale in all.

    Black is the channel's lowest value in any of them and white its highest.
    """
    low = np.min([values.astype(np.float32).min((0, 1)) for values in maps], axis=0)
    high = np.max([values.astype(np.float32).max((0, 1)) for values in maps], axis=0)
    span = np.where(high > low, high - low, 1.0)
    scaled = [(values.astype(np.float32) - low) / span for values in maps]
    return [np.repeat((255 * each).round().astype(np.uint8).transpose(2, 0, 1)[..., None], 3, axis=-1) for each in scaled]


def colour_tiles(*scores: np.ndarray) -> tuple[list[np.ndarray], float | None]:
    """Scores (n, h, w, 3) of several networks as colours, turned so that one colour means the same in them as far as it can.

    The components of a network come in an order and with signs of their own; those of the second and later ones are rotated
    to lie closest to the first one's (orthogonal Procrustes). From the 1st to the 99th percentile over all images a
    component takes the whole range of its colour. Also returns the share of the first one's variance that the second one's
    explains once turned and scaled, None for one network alone.
    """
    flat = [each.astype(np.float64).reshape(-1, 3) for each in scores]
    agreement = None
    for i, own in enumerate(flat[1:], start=1):
        left, sizes, right = np.linalg.svd(own.T @ flat[0])
        flat[i] = own @ left @ right
        total = (own**2).sum() * (flat[0] ** 2).sum()
        agreement = float(sizes.sum() ** 2 / total) if total and i == 1 else agreement
    return [_stretched(own).reshape(each.shape) for own, each in zip(flat, scores, strict=True)], agreement


def _stretched(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, [1, 99], axis=0)
    span = np.where(high > low, high - low, 1.0)
    return (255 * ((values - low) / span).clip(0, 1)).round().astype(np.uint8)
