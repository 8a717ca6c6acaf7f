"""What a network's layers see: its first filters, what excites each channel, the maps of a few images, places as colours.

One call for each network, into a folder of its own; networks that are laid side by side look at the same images. What excites
the channels takes a pass over the split. Another job's pass can serve: let it run within `watching(..., excited)` and hand
`excited` over.

    seen.npz   filters (K, h, w, 3)         labels (N,) of the split; and for the group at place i of `groups`:
               values-i, images-i (C, K)    places-i (C, K, 2)   alive-i (C,)     as `Excitement`
               maps-i (n, h, w, c) float16  channels-i (c,)      the maps of n images, of c of the channels
               colours-i (n, h, w, 3)       float16, the scores of `Colours`
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tlcore.analysis.excited import KEPT, Excited
from tlcore.analysis.filters import Filters, first_filters
from tlcore.analysis.maps import Watcher, evaluating, pictures, watching
from tlcore.analysis.tokens import token_colours
from tlcore.data.load import Split
from tlcore.errors import UnknownName
from tlcore.files import replacing
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.training.machine import Machine

FILE = "seen.npz"
BATCH = 32
MOST_PLACES = 32  # rows and columns of a map that is kept; larger ones are averaged down to it
NO_MAP = "gives out one number for each channel and no map, so that no place in the image can be named."


def write_seen(
    network: Network,
    machine: Machine,
    split: Split,
    classes: Sequence[str],
    folder: Path,
    *,
    groups: Sequence[str] | None = None,
    channels: int = 64,
    images: int = 6,
    progress: Progress = silent,
    excited: Excited | None = None,
) -> dict[str, Any]:
    """Look at `split` with `network`, which is on its `machine`, write `folder`/seen.npz and return what is in it.

    `groups` are all but the head unless named. Of `channels` channels a group, evenly spaced, the maps of `images` images, the
    classes by turns, are kept; what excites a channel is kept of all channels. Returns {file, looked_at, kept,
    filters {layer, count, size, patches} or null, shown [{row, id, class}], groups [{name, channels, map [rows, columns] or
    null, silent (channels that no image moves), colours [share of variance] or null, why (a sentence where there is no map)}]}.
    The network is left as it was. Raises `UnknownName` for a group that is none, and `ValueError` where `excited` did not look
    at each image once.
    """
    known = [group.name for group in network.groups]
    names = known[:-1] if groups is None else list(groups)
    for unknown in (name for name in names if name not in known):
        raise UnknownName("layer group", unknown, known)
    shown = _by_turns(split.labels, images)
    if excited is None:
        excited = Excited()
        _pass(network, machine, split.images, names, excited, progress)
    if excited.looked_at != len(split):
        raise ValueError(f"{excited.looked_at} images were looked at, and the split has {len(split)}")
    kept = _Kept()
    _pass(network, machine, split.images[shown], names, kept, silent)

    arrays: dict[str, np.ndarray] = {"labels": split.labels}
    filters = first_filters(network)
    if filters is not None:
        arrays["filters"] = filters.weights[_evenly(len(filters.weights), channels)]
    described = [_group(name, place, excited, kept.of(name), channels, arrays) for place, name in enumerate(names)]
    with replacing(folder / FILE) as file:
        np.savez_compressed(file, **arrays)
    return {
        "file": FILE,
        "looked_at": len(split),
        "kept": min(KEPT, len(split)),
        "filters": None if filters is None else _filters(filters),
        "shown": [{"row": int(row), "id": split.ids[row], "class": classes[split.labels[row]]} for row in shown],
        "groups": described,
    }


def _group(
    name: str, place: int, excited: Excited, maps: np.ndarray | None, most: int, arrays: dict[str, np.ndarray]
) -> dict[str, Any]:
    found = excited.of(name)
    if found is None or maps is None:
        return {"name": name, "channels": None, "map": None, "silent": None, "colours": None, "why": f"{name} {NO_MAP}"}
    arrays |= {f"values-{place}": found.values, f"images-{place}": found.images}
    arrays |= {f"places-{place}": found.places, f"alive-{place}": found.alive}
    chosen = _evenly(maps.shape[-1], most)
    arrays |= {f"maps-{place}": _half(maps[..., chosen]), f"channels-{place}": chosen.astype(np.int32)}
    colours = token_colours(maps)
    if colours is not None:
        arrays[f"colours-{place}"] = _half(colours.scores)
    return {
        "name": name,
        "channels": len(found.values),
        "map": list(found.size),
        "silent": int((~found.alive).sum()),
        "colours": None if colours is None else list(colours.shares),
        "why": None,
    }


def _filters(filters: Filters) -> dict[str, Any]:
    count, rows, columns, _ = filters.weights.shape
    return {"layer": filters.layer, "count": count, "size": [rows, columns], "patches": filters.patches}


class _Kept:
    """Keeps the maps of a few images, on the CPU, none with more than 32 rows or columns: a `maps.Watcher`."""

    def __init__(self) -> None:
        self._maps: dict[str, list[Tensor]] = {}

    def see(self, group: str, maps: Tensor) -> None:
        self._maps.setdefault(group, []).append(_reduced(maps.float()).cpu())

    def passed(self, images: int) -> None:
        pass

    def of(self, group: str) -> np.ndarray | None:
        """(n, h, w, C)."""
        return torch.cat(self._maps[group]).numpy() if group in self._maps else None


def _pass(
    network: Network, machine: Machine, images: np.ndarray, groups: Sequence[str], watcher: Watcher, progress: Progress
) -> None:
    """Send the images through the network while `watcher` looks on."""
    with watching(network, machine, groups, watcher, image_size=images.shape[1]), evaluating(network.module):
        for first in range(0, len(images), BATCH):
            batch = np.array(images[first : first + BATCH])
            network.module(pictures(network, machine, torch.from_numpy(batch)))
            progress("Looking for what excites each channel", first + len(batch), len(images), "images")


def _reduced(maps: Tensor) -> Tensor:
    rows, columns = (min(side, MOST_PLACES) for side in maps.shape[1:3])
    return functional.adaptive_avg_pool2d(maps.permute(0, 3, 1, 2), (rows, columns)).permute(0, 2, 3, 1).contiguous()


def _half(values: np.ndarray) -> np.ndarray:
    """As float16, what is too large for it becoming its largest number."""
    largest = np.finfo(np.float16).max
    return values.clip(-largest, largest).astype(np.float16)


def _evenly(count: int, most: int) -> np.ndarray:
    """At most `most` of `count` places, evenly spaced, the first one among them."""
    return np.arange(count) if count <= most else np.arange(most) * count // most


def _by_turns(labels: np.ndarray, count: int) -> np.ndarray:
    """`count` rows, one of each class in turn, the first of a class first."""
    rank = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        of = np.flatnonzero(labels == label)
        rank[of] = np.arange(len(of))
    return np.lexsort((labels, rank))[:count]
