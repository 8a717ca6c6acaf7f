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


def exchanged(
    answer: Answer,
    images: np.ndarray,
    *,
    seed: int,
    clusters: Sequence[str] | None = None,
    progress: Progress = silent,
) -> dict[str, Any] | None:
    """How often the answer changes with each region: {images, regions {name: METRIC with drop (METRIC) and area}}.

    METRIC is the share of the pictures, uint8 (N, S, S, 3), whose answer is another one once the region is that of a partner;
    `drop` is what the first answer's probability loses on average. Partners are drawn by `seed` from those that are answered
    otherwise. None where all pictures get the same answer. The network is asked for 10 versions of each picture.
    """
    before = answer(images)
    predicted = before.argmax(1)
    partners = _partners(predicted, seed)
    if partners is None:
        return None
    rows = np.arange(len(images))
    found = {}
    for done, (name, region) in enumerate(regions().items(), start=1):
        pixels = _pixels(region, images.shape[1])
        after = answer(np.where(pixels[..., None], images[partners], images))
        changed = after.argmax(1) != predicted
        drop = before[rows, predicted] - after[rows, predicted]
        found[name] = {
            **share_interval(changed, seed=seed, clusters=clusters),
            "drop": mean_interval(drop, seed=seed, clusters=clusters),
            "area": AREAS[name],
        }
        progress("Exchanging parts of the pictures", done, len(AREAS), "regions")
    return {"images": len(images), "regions": found}


def _partners(predicted: np.ndarray, seed: int) -> np.ndarray | None:
    """For each picture another one that is answered otherwise, drawn by `seed`."""
    if (predicted == predicted[:1]).all():
        return None
    rng = np.random.default_rng(np.random.SeedSequence([seed, 23]))
    return np.array([rng.choice(np.flatnonzero(predicted != own)) for own in predicted])


def _pixels(region: np.ndarray, size: int) -> np.ndarray:
    """The region as bool (size, size): each pixel belongs where its middle is."""
    quarter = (np.arange(size) + 0.5) * 4 // size
    return region[quarter.astype(int)[:, None], quarter.astype(int)]
