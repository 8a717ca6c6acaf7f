"""Whether two shares of right answers may be the same: Wilson's interval, and whether two of them overlap."""

from __future__ import annotations

import math

_Z = 1.959963984540054  # the normal distribution's 97.5th percentile: 95 % lie within


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share of `right` out of `of` (Wilson 1927): it stays within 0 to 1, and is fair near both."""
    if not 0 <= right <= of or of == 0:
        raise ValueError(f"{right} of {of} is no share")
    share = right / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
