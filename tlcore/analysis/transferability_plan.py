"""The transferability experiment on paper: the network's layers, the forms, and which networks are trained in which order.

No torch: pages count and draw with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from tlcore.data.halves import DISTANT
from tlcore.spec import TransferabilitySpec, make

# Channels and stride of each 3 x 3 convolution of the small network, from the image up; the head is above them.
LAYERS: tuple[tuple[int, int], ...] = ((16, 2), (16, 1), (32, 2), (32, 1), (48, 1), (64, 2), (64, 1))
CUTS = tuple(range(1, len(LAYERS) + 1))  # how many layers may be taken over: all but the head
BASES = ("A", "B", "again")  # trained as a whole, from new layers alone
FROZEN = ("BnB", "AnB", "random")  # the layers below the cut keep still
THAWED = ("BnB+", "AnB+")  # they train with the rest
FORMS = ("BnB", "AnB", "BnB+", "AnB+", "random")

# What suits a dataset: few enough images that a network cannot learn all there is from its own half, so that what was learnt
# elsewhere can matter, and few enough for all of it to end in minutes on a CPU.
_SUITED: Mapping[str, Mapping[str, Any]] = {
    "digits": {"image_size": 16, "images_per_class": 20, "epochs": 30, "batch_size": 32},
    "fashion-mnist": {"image_size": 28, "images_per_class": 150},
}
_SUITS_OTHERS: Mapping[str, Any] = {"images_per_class": 500}


@dataclass(frozen=True)
class Cell:
    """One network of the experiment. `cut` is 0 for a base network."""

    seed: int
    form: str
    cut: int

    @property
    def frozen(self) -> int:
        """How many layers keep still."""
        return self.cut if self.form in FROZEN else 0


def seeds(spec: TransferabilitySpec) -> range:
    return range(spec.seed, spec.seed + spec.seeds)


def cells(spec: TransferabilitySpec) -> Iterator[Cell]:
    """Every network, in the order of training: seed by seed, the base networks first, then from the lowest cut up."""
    for seed in seeds(spec):
        yield from (Cell(seed, form, 0) for form in BASES)
        yield from (Cell(seed, form, cut) for cut in CUTS for form in FORMS)


def suited(dataset: str, **given: Any) -> TransferabilitySpec:
    """The experiment on a dataset with what suits it, as far as nothing else is `given`. Raises `SpecError`."""
    return make(TransferabilitySpec, **{"dataset": dataset, **_SUITED.get(dataset, _SUITS_OTHERS), **given})


def has_distant(dataset: str) -> bool:
    """Whether two kinds of classes that are far from each other are known."""
    return dataset in DISTANT


def rounds(cut: int, image_size: int) -> int:
    """How many times as many epochs as a whole network the layers above a frozen cut get: so many that their work is about
    that of a whole network. With as many epochs as that, the few layers above a high cut were far from done.

    The work of a layer is its multiplications for one image. Above the last cut there is the head alone, which is solved.
    """
    side, inputs, works = image_size, 3, []
    for channels, stride in LAYERS:
        side = math.ceil(side / stride)
        works.append(inputs * channels * side * side)
        inputs = channels
    return max(1, round(sum(works) / sum(works[cut:]))) if cut < len(works) else 1


def rough_seconds(spec: TransferabilitySpec, images: int) -> float:
    """About how long all of it takes on one thread of a server's processor, with so many training images in a half.

    A rule through timings there, of digits to CIFAR-10 at 16 to 32 pixels, met within a third: each network sees each
    image of its half once an epoch, for .5 ms and, in proportion to the pixels, 1.4 ms more at 32. (Above a frozen cut there is
    less to do, in more epochs: `rounds`.)
    """
    each = (0.5 + 1.4 * (spec.image_size / 32) ** 2) / 1000
    return each * len(list(cells(spec))) * spec.epochs * images


def seconds_for(cells: Iterable[Cell], took: Mapping[int, list[float]]) -> float:
    """How long these networks take, from what others `took` {frozen layers: seconds of each}.

    A number of frozen layers that nobody has timed is taken for the nearest one: they get about the same work.
    """

    def one(frozen: int) -> float:
        return median(took[min(took, key=lambda timed: abs(timed - frozen))])

    return sum(one(cell.frozen) for cell in cells)
