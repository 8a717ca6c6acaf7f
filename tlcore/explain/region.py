"""What is marked on images to count evidence in: the lungs, or a rectangle that a person draws. NumPy alone."""

from __future__ import annotations

import numpy as np

Region = tuple[float, float, float, float]  # left, right, top, bottom, as shares of the picture
LUNGS, REGION = "the lungs", "the region"
_SIDE = 100  # a region begins and ends at whole per cents


def area_of(region: Region) -> float:
    """The share of the picture that it covers."""
    left, right, top, bottom = region
    return (right - left) * (bottom - top)


def mask_of(region: Region) -> np.ndarray:
    """The region as bool (100, 100)."""
    left, right, top, bottom = (round(_SIDE * edge) for edge in region)
    mask = np.zeros((_SIDE, _SIDE), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask
