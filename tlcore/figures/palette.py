"""The colours of the whole product, each with one meaning.

Ice and warm are the stack's pair (frozen, thawed) and mean nothing else anywhere. Blue and orange stay apart for every
common kind of colour blindness, and each colour here keeps a contrast of at least 3 to 1 on white and on the dark
background (WCAG 2.2, 1.4.11: graphical objects), so that figures need no second set for dark mode.
"""

from __future__ import annotations

import math

ICE = "#3a86c8"  # frozen
WARM = "#e0670f"  # thawed
TRAIN = "#858b95"  # the training split
VALIDATION = "#7b61c9"  # the validation split
TEST = "#12907a"  # the test split
SOURCE = "#c2568c"  # what is still known of the old task
BASELINE = "#858b95"  # what a model that has learnt nothing gets; always dashed
RUNS = ("#7b61c9", "#12907a", "#c2568c", "#8d7f0c", "#2a8fa8", "#a06a44")  # one per run, in this order, with its own marker
MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star")
SEQUENTIAL = ((0.0, "rgba(123,97,201,0.04)"), (1.0, "rgba(123,97,201,0.58)"))  # see-through: text stays readable on it

DECADES = 3.0  # rates this many powers of ten below the peak are the coolest warm


def heat(rate: float | None, peak: float) -> float | None:
    """How warm a group is drawn: 1 at the plan's highest rate, 0 at a thousandth of it or less; None where frozen."""
    if rate is None or rate <= 0 or peak <= 0:
        return None
    return min(1.0, max(0.0, 1.0 + math.log10(rate / peak) / DECADES))


def slab_opacity(warmth: float | None) -> float:
    """How much of the ice (or warm) colour a slab shows over the background: frozen .22; thawed from .22 to .62."""
    return 0.22 if warmth is None else 0.22 + 0.40 * warmth


def slab(rate: float | None, peak: float) -> str:
    """The CSS colour of a group's slab at `rate`, see-through so that it suits a light and a dark background."""
    warmth = heat(rate, peak)
    return rgba(ICE if warmth is None else WARM, slab_opacity(warmth))


def rgba(colour: str, opacity: float) -> str:
    """`#rrggbb` at an opacity, as CSS."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:.2f})"
