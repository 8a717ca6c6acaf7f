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

from tlcore.training.intervals import wilson

Verdict = Literal["unfreeze", "enough", "unclear", "open", "no signal"]
Metric = Mapping[str, float]  # {value, low, high}
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


def plateau(result: Mapping[str, Any], deeper: Sequence[tuple[str, Mapping[str, Any]]]) -> Plateau:
    """Read a finished probe's result beside those of deeper runs on the same images, each with its title.

    Accuracies have the Wilson interval over images: results keep no other of the validation split.
    """
    val, trained = result["val"], result["history"][-1]["train"].get("accuracy")
    reached = _share(val)
    left = 1 - val["accuracy"]
    if deeper:
        title, best = max(deeper, key=lambda one: one[1]["val"]["accuracy"])
        gain = difference(_share(best["val"]), reached)
        verdict: Verdict = "unfreeze" if gain[1] > 0 else "enough" if gain[2] < 0 else "unclear"
        return Plateau(verdict, reached, left, Deeper(title, _share(best["val"])), len(deeper), gain, trained)
    chance = 1 / len(result["classes"])
    doubt = val["accuracy"] - reached["low"]
    if reached["low"] <= result["majority_baseline"] and val["balanced_accuracy"] - doubt <= chance:
        return Plateau("no signal", reached, left, trained=trained)
    return Plateau("enough" if left <= LITTLE else "open", reached, left, trained=trained)


def _share(val: Mapping[str, Any]) -> Metric:
    low, high = wilson(val["accuracy"], val["n"])
    return {"value": val["accuracy"], "low": low, "high": high}


def difference(one: Metric, other: Metric) -> tuple[float, float, float]:
    """`one` minus `other` with its interval."""
    a, b = one["value"], other["value"]
    low = a - b - math.hypot(a - one["low"], other["high"] - b)
    high = a - b + math.hypot(one["high"] - a, b - other["low"])
    return a - b, low, high
