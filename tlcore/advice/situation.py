"""What advice depends on: how many labelled images there are, how far they are from the source, and what computes.

The playbook speaks of small and large, low and high; the numbers that part them are ours, and stand here. A person may say
otherwise about each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Size = Literal["none", "small", "medium", "large"]
Shift = Literal["low", "high"]
Compute = Literal["low", "medium", "high"]

SMALL = 500  # labelled training images below which data are small
LARGE = 5_000  # and from which on they are large
FAR = 0.5  # a measured shift from here on is high: half of the way from "the same kind of picture" to "nothing in common"
FEW_CORES = 4  # without a GPU, up to so many cores are little


@dataclass(frozen=True)
class Situation:
    """A dataset, a backbone and a machine, in the playbook's words."""

    size: Size
    shift: Shift
    compute: Compute


def size_of(images: int) -> Size:
    """In words, for a number of labelled training images; none without labels."""
    if images <= 0:
        return "none"
    return "small" if images < SMALL else "large" if images >= LARGE else "medium"


def shift_of(distance: float) -> Shift:
    """In words, for a measured shift between 0 (the source's own kind of picture) and 1 (nothing in common)."""
    return "high" if distance >= FAR else "low"


def compute_of(cores: int, *, gpu: bool) -> Compute:
    """In words, for a machine."""
    if gpu:
        return "high"
    return "low" if cores <= FEW_CORES else "medium"
