"""Probe before you commit: whether what a finished probe reached calls for unfreezing more.

All is read off the validation split, so that the test split decides nothing. Two runs on the same validation images are
held against each other by their own intervals (Newcombe 1998, method 10, which takes the images to be others: the images
being the same, the interval is rather too wide than too narrow).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["unfreeze", "enough", "unclear", "open", "no signal"]
Metric = Mapping[str, float | None]  # {value, low, high}
LITTLE = 0.02  # what is left to win, as a share of the images, that is not worth much unfreezing


@dataclass(frozen=True)
class Deeper:
    """Something that trains more than the head, on the same images: what it is called, and its validation accuracy."""

    title: str
    accuracy: Metric


@dataclass(frozen=True)
class Plateau:
    """The verdict, and the numbers it rests on: shares of the validation images."""

    verdict: Verdict
    reached: Metric
    left: float  # what separates the probe from naming every image rightly
    deeper: Deeper | None = None  # the best of those there are
    tried: int = 0  # how many there are
    gain: tuple[float, float, float] | None = None  # deeper minus probe: value, low, high
    trained: float | None = None  # the probe's accuracy on its own training images, at the end


def plateau(result: Mapping[str, Any], deeper: Sequence[Deeper]) -> Plateau:
    """Read a finished probe's result beside deeper answers on the same images."""
    val, trained = result["val"], result["history"][-1]["train"].get("accuracy")
    reached = val["accuracy"]
    known = [one for one in deeper if one.accuracy["value"] is not None]
    best = max(known, key=lambda one: one.accuracy["value"] or 0.0, default=None)
    left = 1 - (reached["value"] or 0.0)
    if best is not None:
        gain = difference(best.accuracy, reached)
        verdict: Verdict = "unfreeze" if gain[1] > 0 else "enough" if gain[2] < 0 else "unclear"
        return Plateau(verdict, reached, left, best, len(known), gain, trained)
    balanced = val["balanced_accuracy"]
    if balanced.get("low") is not None and balanced["low"] <= 1 / len(result["classes"]):
        return Plateau("no signal", reached, left, trained=trained)
    return Plateau("enough" if left <= LITTLE else "open", reached, left, trained=trained)


def difference(one: Metric, other: Metric) -> tuple[float, float, float]:
    """`one` minus `other` with its interval; a metric without an interval counts as exact."""
    a, b = one["value"] or 0.0, other["value"] or 0.0
    a_low, a_high = _bounds(one, a)
    b_low, b_high = _bounds(other, b)
    low = a - b - math.hypot(a - a_low, b_high - b)
    high = a - b + math.hypot(a_high - a, b - b_low)
    return a - b, low, high


def _bounds(metric: Metric, value: float) -> tuple[float, float]:
    low, high = metric.get("low"), metric.get("high")
    return (value if low is None else low, value if high is None else high)
