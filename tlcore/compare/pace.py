"""How long a run will take on this machine, from what runs like it took, and from measurements; or that nobody knows yet."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any, Literal

from tlcore.compare.known import Known, KnownRuns, identity
from tlcore.data.card import DatasetCard
from tlcore.spec import MeasureSpec, RunSpec
from tlcore.strategies.start import FromRun, Pretrained

Source = Literal["the same run with other seeds or epochs", "a measurement", "runs on another number of images"]
NEWEST = 8  # runs of a kind that are looked at


@dataclass(frozen=True)
class Pace:
    """Seconds of an epoch, seconds of everything around the epochs, and where the numbers come from."""

    per_epoch: float
    around: float
    source: Source

    def seconds(self, epochs: int) -> float:
        return self.around + self.per_epoch * epochs

    def epochs(self, seconds: float) -> int:
        """How many whole epochs fit into a budget of training time, which counts the epochs alone; at least one."""
        return max(1, int(seconds / max(self.per_epoch, 1e-9)))


@dataclass(frozen=True)
class Sizes:
    """Images of each split and classes, as a run of a spec would have them."""

    train: int
    val: int
    test: int
    classes: int

    def steps_per_epoch(self, batch_size: int) -> int:
        return -(-self.train // batch_size)


def sizes_of(card: DatasetCard, images_per_class: int | None) -> Sizes | None:
    """What is known before anything is read; None for data of one's own that nobody has looked at.

    A class with fewer images than `images_per_class` makes the true number smaller.
    """
    if card.images is None or not card.classes:
        return None
    train = card.images["train"]
    if images_per_class is not None:
        train = min(train, images_per_class * len(card.classes))
    return Sizes(train, card.images["val"], card.images["test"], len(card.classes))


def measure_spec(spec: RunSpec, card: DatasetCard) -> MeasureSpec | None:
    """What to measure for a run, or None where the number of its images isn't known before they are read.

    What does not change the time (the seed, the rates of decay, when to stop early, which run it starts from) is set to one
    value, so that plans that cost the same share one measurement.
    """
    sizes = sizes_of(card, spec.images_per_class)
    if sizes is None:
        return None
    same = spec.training_alone().model_copy(update={"seed": 0, "weight_decay": 0.01, "class_weights": False, "patience": None})
    if isinstance(spec.strategy.start, FromRun) and not spec.strategy.pull.active:
        same = same.model_copy(update={"strategy": spec.strategy.model_copy(update={"start": Pretrained()})})
    return MeasureSpec(run=same, train_images=sizes.train, val_images=sizes.val, test_images=sizes.test, classes=sizes.classes)


class Paces:
    """The pace of any run, from one look at a folder of runs. The nearest evidence counts."""

    def __init__(self, known: KnownRuns, cards: Mapping[str, DatasetCard]) -> None:
        self._known, self._cards = known, cards
        self._alike: dict[str, list[Path]] = defaultdict(list)
        self._elsewhere: dict[str, list[Path]] = defaultdict(list)
        for run in known.done():
            alike, elsewhere = _keys(run)
            self._alike[alike].append(run.run.path)
            self._elsewhere[elsewhere].append(run.run.path)

    def of(self, spec: RunSpec) -> Pace | None:
        """The pace of a run of `spec`, or None where nothing like it was run or measured here."""
        return self._from_alike(spec) or self._from_measurement(spec) or self._from_elsewhere(spec)

    def _from_alike(self, spec: RunSpec) -> Pace | None:
        took = [took for path in self._alike[_same_but_length(spec)][:NEWEST] if (took := _took(path)) is not None]
        if not took:
            return None
        return Pace(_median(took, 0), _median(took, 1), "the same run with other seeds or epochs")

    def _from_measurement(self, spec: RunSpec) -> Pace | None:
        card = self._cards.get(spec.dataset)
        wanted = None if card is None else measure_spec(spec, card)
        run = None if wanted is None else self._known.measurement(wanted)
        result = run.result() if run is not None and run.status().state == "done" else None
        if result is None or wanted is None:
            return None
        epochs = sum(phase["epochs"] for phase in result["plan"]["phases"])
        steps = sum(phase["seconds"] for phase in result["phases"])
        per_epoch = steps / epochs + wanted.val_images / max(result["eval_images_per_second"], 1e-9)
        return Pace(per_epoch, max(0.0, result["seconds"] - per_epoch * epochs), "a measurement")

    def _from_elsewhere(self, spec: RunSpec) -> Pace | None:
        card = self._cards.get(spec.dataset)
        sizes = None if card is None else sizes_of(card, spec.images_per_class)
        if sizes is None:
            return None
        took = []
        for path in self._elsewhere[_same_but_data(spec)][:NEWEST]:
            if (one := _took(path)) is not None:
                per_epoch, around, images = one
                took.append((per_epoch * (sizes.train + sizes.val) / max(images, 1), around, images))
        return Pace(_median(took, 0), _median(took, 1), "runs on another number of images") if took else None


def _median(took: Sequence[tuple[float, float, int]], place: int) -> float:
    return median(one[place] for one in took)


_keys_of: dict[Path, tuple[str, str]] = {}  # a run's spec never changes, and digests take time


def _keys(known: Known) -> tuple[str, str]:
    """What runs of the same pace share: all but the length; and all but the length and the data."""
    path = known.run.path
    if path not in _keys_of:
        _keys_of[path] = _same_but_length(known.spec), _same_but_data(known.spec)
    return _keys_of[path]


def _same_but_length(spec: RunSpec) -> str:
    return identity(spec.model_copy(update={"seed": 0, "epochs": 1, "patience": None}))


def _same_but_data(spec: RunSpec) -> str:
    same = {"seed": 0, "epochs": 1, "patience": None, "dataset": "x", "labels": None, "images_per_class": None}
    return identity(spec.model_copy(update=same))


@lru_cache(maxsize=4096)
def _took(path: Path) -> tuple[float, float, int] | None:
    """(seconds of an epoch, seconds around the epochs, images an epoch looks at) of a finished run."""
    try:
        result: dict[str, Any] = json.loads((path / "result.json").read_bytes())
        epochs = [event["seconds"] for event in result["history"]]
        images = result["data"]["images"]
        within = sum(epochs)
        around = (
            result["seconds"] - result.get("source_seconds", 0.0) - within
        )  # what a run asks besides is no part of its pace
        return within / len(epochs), max(0.0, around), images["train"] + images["val"]
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):  # deleted meanwhile, or of another version
        return None
