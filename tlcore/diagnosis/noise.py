"""How far a number moves by chance alone: a share of images, and a mean loss over images.

Every detector asks here before it speaks, so that a split of 20 images does not cry wolf.
"""

from __future__ import annotations

import math

from tlcore.training.intervals import wilson


def at_most(share: float, images: int) -> float:
    """The upper end of the 95 % interval (Wilson 1927) of a share of `images` images; 1 where there are none."""
    return wilson(share, images)[1] if images else 1.0


def at_least(share: float, images: int) -> float:
    """The lower end of the same interval; 0 where there are none."""
    return wilson(share, images)[0] if images else 0.0


def loss_wobble(images: int) -> float:
    """By what share of itself a mean loss over `images` images may differ by chance: two standard errors.

    Losses of single images spread about as widely as their mean (those of an exponential distribution do exactly), so the
    standard error of their mean is the mean divided by the root of their number.
    """
    return 2 / math.sqrt(images) if images else math.inf
