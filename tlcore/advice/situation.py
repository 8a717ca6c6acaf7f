"""What advice depends on: how many labelled images there are, how far they are from the source, and what computes.

The playbook speaks of small and large, low and high; the numbers that part them are ours, and stand here. A person may say
otherwise about each.

`FAR` parts what was measured (`tlcore/training/shift.py`, 400 training images of each, EfficientNet-Lite0; MobileNetV2 is
MobileNetV2 1.0; natural photographs against others of their own kind give .000 in every column):

    image size              64    128    224    128, MobileNetV2
    CIFAR-10              .036   .064   .139    .094              small photographs of animals and vehicles
    Fashion-MNIST         .167   .149   .259    .241              gray pictures of clothes
    solar cells           .257   .276   .372    .327
    traffic lights        .288   .245   .320    .319
    digits                .305   .332   .453    .380
    chest X-rays          .314   .348   .427    .333

Every set that is no photograph of everyday things lies above it at every size, and the one that is lies below; Fashion-MNIST is
on the border. The values grow with the image size, since small pictures enlarged are blurred, and photographs are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Size = Literal["none", "small", "medium", "large"]
Shift = Literal["low", "high"]
Compute = Literal["low", "medium", "high"]

SMALL = 500  # labelled training images below which data are small
LARGE = 5_000  # and from which on they are large
FAR = 0.2  # a measured shift from here on is high
FEW_CORES = 4  # without a GPU, up to so many cores are little

# What was measured on EfficientNet-Lite0 at 128 px, to give a number a meaning: dataset -> shift.
LANDMARKS: Mapping[str, float] = {
    "natural-photos": 0.0,
    "cifar10": 0.064,
    "fashion-mnist": 0.149,
    "traffic-lights": 0.245,
    "solar-cells": 0.276,
    "digits": 0.332,
    "chest-xray": 0.348,
}


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


def landmark(distance: float, *, besides: str = "") -> str:
    """The dataset among those measured that is about as far away, another than `besides`."""
    others = {name: measured for name, measured in LANDMARKS.items() if name != besides}
    return min(others, key=lambda name: abs(others[name] - distance))
