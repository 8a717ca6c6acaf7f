"""Which images excite each channel most, and where in them: collected while a network looks at images for another purpose.

A channel's excitement by an image is the largest value of its map, and the place is where that value stands. Only the maps of
images that reach a channel's list are searched for the place, which is a handful of each batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

KEPT = 8  # images of each channel


@dataclass(frozen=True)
class Excitement:
    """Of one group: for each of its C channels the K images that excite it most, the strongest first."""

    values: np.ndarray  # float32 (C, K)
    images: np.ndarray  # int32 (C, K): which image, from 0, in the order in which they came
    places: np.ndarray  # float32 (C, K, 2): the middle of the map's cell, from the image's left and top, 0 to 1
    size: tuple[int, int]  # rows and columns of the map
    alive: np.ndarray  # bool (C,): whether its largest value differs between any two images


@dataclass(frozen=True)
class _Lists:
    values: Tensor  # (C, K), descending
    images: Tensor
    cells: Tensor
    lowest: Tensor  # (C,): the smallest of all the images' largest values
    size: tuple[int, int]


class Excited:
    """Fills the lists from batches of maps: a `maps.Watcher`. Of equal values the earlier image stays ahead."""

    def __init__(self, kept: int = KEPT) -> None:
        self.looked_at = 0
        self._kept = kept
        self._lists: dict[str, _Lists] = {}
        self._next: dict[str, _Lists] = {}  # with the pass that is under way

    def see(self, group: str, maps: Tensor) -> None:
        """Take in the maps (B, h, w, C) of a batch; they count once its pass is complete."""
        peaks = maps.amax((1, 2)).float().T.contiguous()  # (C, B)
        before = self._lists.get(group) or self._empty(peaks, (maps.shape[1], maps.shape[2]))
        order = torch.cat([before.values, peaks], 1).sort(dim=1, descending=True, stable=True)
        values, chosen = order.values[:, : self._kept], order.indices[:, : self._kept]
        new, known, here = chosen >= self._kept, chosen.clamp(max=self._kept - 1), (chosen - self._kept).clamp(min=0)
        images = torch.where(new, here + self.looked_at, before.images.gather(1, known))
        cells = before.cells.gather(1, known)
        channel, rank = new.nonzero(as_tuple=True)
        cells[channel, rank] = maps[here[channel, rank], :, :, channel].flatten(1).argmax(1)
        self._next[group] = _Lists(values, images, cells, torch.minimum(before.lowest, peaks.amin(1)), before.size)

    def passed(self, images: int) -> None:
        """The pass over `images` images is complete."""
        self._lists |= self._next
        self._next = {}
        self.looked_at += images

    def of(self, group: str) -> Excitement | None:
        """What was found for a group; None where it has no map."""
        lists = self._lists.get(group)
        if lists is None:
            return None
        count = min(self._kept, self.looked_at)
        values, images, cells = (part[:, :count].cpu().numpy() for part in (lists.values, lists.images, lists.cells))
        rows, columns = lists.size
        places = np.stack([(cells % columns + 0.5) / columns, (cells // columns + 0.5) / rows], axis=-1)
        alive = values[:, 0] > lists.lowest.cpu().numpy()
        return Excitement(values.astype(np.float32), images.astype(np.int32), places.astype(np.float32), lists.size, alive)

    def _empty(self, peaks: Tensor, size: tuple[int, int]) -> _Lists:
        channels = len(peaks)
        none = torch.zeros(channels, self._kept, dtype=torch.long, device=peaks.device)
        below = torch.full((channels, self._kept), -torch.inf, device=peaks.device)
        return _Lists(below, none, none, torch.full((channels,), torch.inf, device=peaks.device), size)
