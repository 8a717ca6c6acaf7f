"""Does the answer hang on a part of the picture where it should not? Parts exchanged with pictures that are answered otherwise.

A map says where a layer found evidence, and its cells near the corner have seen the middle too. So the question is also put to
the network itself: one region of a picture is replaced by the same region of a picture that gets another answer. Where
the answer follows the region, the region tells the class. In pictures of one pose, such as X-rays, what is put in looks like
what was there; a blur or a gray patch would be something that the network has never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlcore.explain.faithful import Answer
from tlcore.explain.inside import AREAS, regions
from tlcore.progress import Progress, silent
from tlcore.training.intervals import mean_interval, share_interval

FEWEST_PARTNERS = 5  # pictures answered otherwise: with fewer, one odd corner would speak for all


def exchanged(
    answer: Answer,
    images: np.ndarray,
    *,
    seed: int,
    clusters: Sequence[str] | None = None,
    progress: Progress = silent,
) -> dict[str, Any] | None:
    """How often the answer changes with each region: {images, alone, regions {name: METRIC with drop (METRIC), area, lead}}.

    METRIC is the share of the pictures, uint8 (N, S, S, 3), whose answer is another one once the region is that of a partner;
    `drop` is what the first answer's probability loses on average. A corner's `lead` (METRIC, paired; None for other regions)
    is by how much it changes more answers than the median of the other three: where all of a picture counts, or any
    change would do, one corner is like another. Partners are drawn by `seed` from the pictures that are answered otherwise,
    each about as often. `alone` pictures have fewer than `FEWEST_PARTNERS` and are left out; None where that leaves none. The
    network is asked for 10 versions of each picture.
    """
    answered = answer(images)
    asked, partners = _partners(answered.argmax(1), seed)
    if not len(asked):
        return None
    owners = None if clusters is None else [clusters[row] for row in asked]
    own, before = images[asked], answered[asked]
    predicted, rows = before.argmax(1), np.arange(len(asked))
    found: dict[str, dict[str, Any]] = {}
    changed: dict[str, np.ndarray] = {}
    for done, (name, region) in enumerate(regions().items(), start=1):
        pixels = _pixels(region, images.shape[1])
        after = answer(np.where(pixels[..., None], images[partners], own))
        changed[name] = after.argmax(1) != predicted
        drop = before[rows, predicted] - after[rows, predicted]
        found[name] = {
            **share_interval(changed[name], seed=seed, clusters=owners),
            "drop": mean_interval(drop, seed=seed, clusters=owners),
            "area": AREAS[name],
            "lead": None,
        }
        progress("Exchanging parts of the pictures", done, len(AREAS), "regions")
    corners = [name for name in changed if name.endswith("corner")]
    for name in corners:
        others = sorted((other for other in corners if other != name), key=lambda other: changed[other].mean())
        found[name]["lead"] = _lead(changed[name], changed[others[1]], seed=seed, clusters=owners)
    return {"images": len(asked), "alone": len(images) - len(asked), "regions": found}


def _lead(changed: np.ndarray, other: np.ndarray, *, seed: int, clusters: Sequence[str] | None) -> dict[str, Any]:
    """How many more answers one corner changes (N,) than another, as a paired METRIC."""
    more = changed.astype(np.float64) - other
    if (more == 1).all():  # nothing to resample: the interval is that of a share
        return share_interval(changed, seed=seed, clusters=clusters)
    return mean_interval(more, seed=seed, clusters=clusters)


def _partners(predicted: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The pictures that have enough partners, and one for each, answered otherwise: all of them in turn, as drawn by `seed`."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 23]))
    partners = np.full(len(predicted), -1)
    for own in np.unique(predicted):
        rows, others = np.flatnonzero(predicted == own), np.flatnonzero(predicted != own)
        if len(others) >= FEWEST_PARTNERS:
            partners[rows] = np.resize(rng.permutation(others), len(rows))
    asked = np.flatnonzero(partners >= 0)
    return asked, partners[asked]


def _pixels(region: np.ndarray, size: int) -> np.ndarray:
    """The region as bool (size, size): each pixel belongs where its middle is."""
    quarter = (np.arange(size) + 0.5) * 4 // size
    return region[quarter.astype(int)[:, None], quarter.astype(int)]
