"""The places of images as colours: the first three principal components of what a network holds at each place.

The components are fitted over all places of all the images at once, so that one colour means one thing in all of them (as in
Oquab et al. 2023, DINOv2, figure 1; there the background is taken away first, here nothing is).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

COMPONENTS = 3
FEWEST_PLACES = 3  # in each direction: below, there is no picture to see


@dataclass(frozen=True)
class Colours:
    """One group's places along its three main directions."""

    scores: np.ndarray  # float32 (n, h, w, 3), centred over all places
    shares: tuple[float, float, float]  # of the variance, the largest first


def token_colours(maps: np.ndarray) -> Colours | None:
    """The principal components of `maps` (n, h, w, C); None where there are too few places or channels, or no variance."""
    images, rows, columns, channels = maps.shape
    if min(rows, columns) < FEWEST_PLACES or channels < COMPONENTS:
        return None
    places = maps.reshape(-1, channels).astype(np.float64)
    places -= places.mean(0)
    if not places.any():
        return None
    fitted = PCA(COMPONENTS, random_state=0)
    scores = fitted.fit_transform(places).reshape(images, rows, columns, COMPONENTS)
    return Colours(scores.astype(np.float32), tuple(float(share) for share in fitted.explained_variance_ratio_))
