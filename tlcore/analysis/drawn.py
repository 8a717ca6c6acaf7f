"""The bootstrap's draws: how often each image counts where as many images are drawn anew, with putting back.

What is drawn depends on the seed, the number of images and whose they are alone, so everything that is asked of the same images
is drawn in pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DRAWS = 500
LEVEL = 0.95
MOST_UNDEFINED = 0.05  # of the draws, beyond which there is no interval
FEWEST = 20  # images, or patients: with fewer, draws say little about others


def draws(images: int, *, seed: int, clusters: Sequence[str] | None = None) -> np.ndarray | None:
    """(500, N) float32: how often each image is in each draw; of `clusters`, whole ones are drawn. None with fewer than 20."""
    member = np.arange(images) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    units = int(member.max(initial=-1)) + 1
    if units < FEWEST:
        return None
    rng = np.random.default_rng(np.random.SeedSequence([seed, DRAWS]))
    return rng.multinomial(units, np.full(units, 1 / units), DRAWS).astype(np.float32)[:, member]


def middle(values: np.ndarray) -> tuple[float, float] | None:
    """From where to where the middle 95 % of the draws' values go; None where more than a twentieth are not defined (NaN)."""
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - MOST_UNDEFINED) * len(values):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
