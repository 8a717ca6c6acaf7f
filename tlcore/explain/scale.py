"""The scale of drawn maps: one value for the strongest colour of many maps, so that a weak map looks weak. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

BELOW: Final = 0.9  # of the maps' peaks stay below the strongest colour


def peaks(values: np.ndarray, *, signed: bool) -> np.ndarray:
    """The largest value of each map (N, h, w), float32 (N,): of its evidence, or of a signed method of either sign."""
    return np.abs(values if signed else values.clip(0)).max((1, 2))


def scale_of(found: Sequence[float]) -> float:
    """What nine in ten peaks stay below: one picture with a very strong map does not make all others dark. 0 without evidence.

    Maps without evidence have no peak and do not count.
    """
    strong = [peak for peak in found if peak > 0]
    return float(np.quantile(strong, BELOW)) if strong else 0.0
