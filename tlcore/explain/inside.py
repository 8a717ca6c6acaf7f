"""Is the evidence where it should be? The share inside a mask, the pointing game, and where on the picture the rest lies.

A map is read on its own grid, and the mask is averaged to it. So a cell counts as inside by the share of it that the mask
covers, and a map that is the same everywhere has exactly the mask's area as its share: that is the chance level. Enlarging the
map instead would carry half of every cell's evidence over to its neighbours and claim a sharpness that it never had. On a
coarse grid hardly a cell is wholly inside, so that no map could reach 1: the summary says what could be reached. The lungs
themselves, drawn on 4 x 4 cells (128 px), reach 0.58, on 7 x 7 0.78 (enlarged, 0.53 and 0.72), where chance is 0.31.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from tlcore.errors import SpecError
from tlcore.explain.grid import on_grid
from tlcore.training.intervals import mean_interval, share_interval

_MOSTLY: Final = 0.5  # of a place: from there on it counts as inside
_SIDES: Final = (slice(0, 1), slice(1, 3), slice(3, 4))  # of a picture in 4 x 4 parts: first quarter, middle half, last quarter
REGIONS: Final = (
    ("top left corner", "top edge", "top right corner"),
    ("left edge", "middle", "right edge"),
    ("bottom left corner", "bottom edge", "bottom right corner"),
)
AREAS: Final = {
    name: (rows.stop - rows.start) * (columns.stop - columns.start) / 16
    for rows, names in zip(_SIDES, REGIONS, strict=True)
    for columns, name in zip(_SIDES, names, strict=True)
}


def share(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of each map's positive evidence that is inside its mask: float64 (N,), NaN without positive evidence.

    `maps` (N, h, w) in the method's own numbers; `masks` (N, H, W), bool or shares in 0 to 1. Raises `SpecError`.
    """
    positive, inside = _aligned(maps, masks)
    total = positive.sum((1, 2))
    return np.divide((positive * inside).sum((1, 2)), total, out=np.full(len(total), np.nan), where=total > 0)


def pointing(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The pointing game (Zhang et al. 2018): float64 (N,), how much of the map's strongest cell is inside its mask.

    0 or 1 where a cell is a pixel. On a coarser grid it is the chance that a point drawn in the strongest cell hits, and
    several equally strong cells share it, so that the chance level is the mask's area here too. The paper's tolerance of 15
    pixels is left out: it would favour coarse maps. NaN without positive evidence.
    """
    positive, inside = _aligned(maps, masks)
    top = positive.max((1, 2), keepdims=True)
    strongest = (positive == top) & (top > 0)
    count = strongest.sum((1, 2))
    return np.divide((strongest * inside).sum((1, 2)), count, out=np.full(len(count), np.nan), where=count > 0)


def inside(maps: np.ndarray, masks: np.ndarray, *, seed: int, clusters: Sequence[str] | None = None) -> dict[str, Any]:
    """What a network's maps of masked pictures say together, with 95 % intervals (bootstrap; of `clusters` whole patients).

    {images, silent (maps without positive evidence, left out of all else), grid [h, w], share, pointing: METRIC;
    there: METRIC, the share of the pictures whose strongest place is mostly inside; there_by_chance: the share of all places
    that are, and there_at_most: the share of the pictures that have such a place on this grid;
    chance: the masks' mean area, which a map that knows nothing reaches in share and pointing; share_over_chance: METRIC,
    paired; centre: the share of a blob in the middle; perfect: that of the masks themselves, drawn on this grid;
    lowest, highest: what any map of this grid could reach}
    """
    shares, points = share(maps, masks), pointing(maps, masks)
    kept = np.isfinite(shares)
    owners = _of(clusters, kept)
    covered = on_grid(masks, maps.shape[1:])[kept]
    areas = covered.mean((1, 2))

    def mean(values: np.ndarray) -> dict[str, Any]:
        return mean_interval(values, seed=seed, clusters=owners)

    def plain(values: np.ndarray) -> float | None:
        defined = values[np.isfinite(values)]  # a mask without any inside has no share of itself
        return float(defined.mean()) if len(defined) else None

    blob = np.broadcast_to(on_grid(centre_blob(64)[None], maps.shape[1:]), covered.shape)
    return {
        "images": int(kept.sum()),
        "silent": int((~kept).sum()),
        "grid": list(maps.shape[1:]),
        "share": mean(shares[kept]),
        "pointing": mean(points[kept]),
        "there": share_interval(points[kept] > _MOSTLY, seed=seed, clusters=owners),
        "there_by_chance": plain((covered > _MOSTLY).mean((1, 2))),
        "there_at_most": plain((covered > _MOSTLY).any((1, 2))),
        "chance": plain(areas),
        "share_over_chance": mean(shares[kept] - areas),
        "centre": plain(share(blob, covered)),
        "perfect": plain(share(covered, covered)),
        "lowest": plain(covered.min((1, 2))),
        "highest": plain(covered.max((1, 2))),
    }


def where(maps: np.ndarray, *, seed: int, clusters: Sequence[str] | None = None) -> dict[str, Any]:
    """Where on the picture the positive evidence lies, masks or none: {images, silent, regions {name: METRIC, area, there}}.

    The regions are the corners (a quarter of the side each), the edges between them and the middle. METRIC is the share of the
    evidence; `area` is the share of the picture, which evidence that is spread evenly reaches. They add up to 1. `there`
    (METRIC) is the share of the pictures whose strongest place is mostly in the region.
    """
    laid = {name: np.broadcast_to(region, (len(maps), 4, 4)) for name, region in regions().items()}
    shares = {name: share(maps, region) for name, region in laid.items()}
    kept = np.isfinite(shares["middle"])
    owners = _of(clusters, kept)
    found = {
        name: {
            **mean_interval(values[kept], seed=seed, clusters=owners),
            "area": AREAS[name],
            "there": share_interval(pointing(maps, laid[name])[kept] > _MOSTLY, seed=seed, clusters=owners),
        }
        for name, values in shares.items()
    }
    return {"images": int(kept.sum()), "silent": int((~kept).sum()), "regions": found}


def regions() -> dict[str, np.ndarray]:
    """Each region as bool (4, 4), to be laid on any grid by its share of each cell."""
    found = {}
    for rows, names in zip(_SIDES, REGIONS, strict=True):
        for columns, name in zip(_SIDES, names, strict=True):
            found[name] = np.zeros((4, 4), dtype=bool)
            found[name][rows, columns] = True
    return found


def centre_blob(size: int) -> np.ndarray:
    """A Gaussian in the middle of a picture, float64 (size, size): what a map looks like that has only learned to centre.

    Its standard deviation is a quarter of the side.
    """
    places = (np.arange(size) + 0.5) / size - 0.5
    profile = np.exp(-(places**2) / (2 * 0.25**2))
    return np.outer(profile, profile)


def _aligned(maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The positive evidence, and the share of each cell that is inside, both float64 (N, h, w)."""
    if maps.ndim != 3 or masks.ndim != 3 or len(maps) != len(masks):
        raise SpecError(f"Each map needs one mask: maps are {maps.shape}, masks {masks.shape}.")
    if not np.isfinite(maps).all():
        raise SpecError("A map holds what is no number.", next_step="Ask about a run whose loss stayed finite.")
    return np.clip(maps, 0, None).astype(np.float64), on_grid(masks, maps.shape[1:])


def _of(clusters: Sequence[str] | None, kept: np.ndarray) -> list[str] | None:
    return None if clusters is None else [owner for owner, keep in zip(clusters, kept, strict=True) if keep]
