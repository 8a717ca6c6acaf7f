"""Images of the old task, where a pull needs them. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tlcore.data.load import load, load_unlabelled
from tlcore.errors import SpecError
from tlcore.models.ancestry import Ancestor, ancestry
from tlcore.models.find import find_backbone
from tlcore.progress import Progress, silent
from tlcore.spec import RunSpec
from tlcore.strategies.start import FromRun

PHOTOS: Final = "natural-photos"
PHOTOS_AT_HAND: Final = 460  # every second one of its 919
_SOURCE = 4  # keeps this stream of chance apart from those of tlcore.training.chance


@dataclass(frozen=True)
class Source:
    """Images of the old task: uint8 (N, S, S, 3), and int64 (N,) labels of the old classes where they are known."""

    images: np.ndarray
    labels: np.ndarray | None
    sentence: str  # what they are, for people


def source_of(spec: RunSpec, runs_dir: Path, progress: Progress = silent) -> Source | None:
    """The source images that the spec's pull needs, at most as many as it asks for, drawn by its seed; None if it needs none.

    From pretrained weights these are natural photographs without labels. Every second one, in the order of their names, is
    left out: those are for measuring what was forgotten, and a photograph that was rehearsed could not tell that. From a run
    of one's own, which is in `runs_dir`, they are its training images with their labels. Raises `SpecError` where those are
    no longer of the classes that it learned, and as `load` does.
    """
    pull = spec.strategy.pull
    if not pull.active or "images" not in pull.needs:
        return None
    interpolation = find_backbone(spec.backbone).preprocessing.interpolation
    if isinstance(spec.strategy.start, FromRun):
        before = ancestry(spec.strategy.start, runs_dir)[-1]
        return _trained_on(before, pull.images, spec, interpolation, progress)
    photos = load_unlabelled(PHOTOS, image_size=spec.image_size, interpolation=interpolation, progress=progress)
    return drawn(photos.images[::2], None, pull.images, spec.seed, "natural photographs without labels")


def _trained_on(before: Ancestor, most: int, spec: RunSpec, interpolation: str, progress: Progress) -> Source:
    old = before.spec
    data = load(
        old.dataset,
        labels=old.labels,
        image_size=spec.image_size,
        images_per_class=old.images_per_class,
        seed=old.seed,
        interpolation=interpolation,
        progress=progress,
    )
    if data.classes != before.classes:
        raise SpecError(
            f"The images of {before.words} are no longer of the classes that it learned.",
            next_step="Put its images back as they were, or choose a pull that needs none: l2-sp, l1-sp or distillation.",
        )
    return drawn(data.train.images, data.train.labels, most, spec.seed, f"training images of {before.words}")


def drawn(images: np.ndarray, labels: np.ndarray | None, most: int, seed: int, what: str) -> Source:
    """At most `most` of the images, drawn by `seed`, in the order in which they came."""
    generator = np.random.default_rng(np.random.SeedSequence([seed, _SOURCE]))
    chosen = np.sort(generator.permutation(len(images))[:most])
    return Source(np.array(images[chosen]), None if labels is None else labels[chosen], f"{len(chosen)} {what}")
