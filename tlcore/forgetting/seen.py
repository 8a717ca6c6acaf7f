"""A look at a network from both sides: what it still knows of each source, and how well it does its new task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tlcore.data.load import Split, load_sample
from tlcore.forgetting.path import RECOMPUTED_ON, recompute_batchnorm
from tlcore.models.describe import describe
from tlcore.models.network import Network
from tlcore.source_probes.look import Look, read
from tlcore.source_probes.probes import SourceProbes
from tlcore.spec import RunSpec
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter
from tlcore.training.result import clusters_of


@dataclass(frozen=True)
class Target:
    """Images of the run's own task: some of the test split to be judged on, and training images for BatchNorm's statistics."""

    test: Split
    train: Split

    @property
    def clusters(self) -> list[str] | None:
        return clusters_of(self.test)


@dataclass(frozen=True)
class Seen:
    """What one network answered."""

    sources: Mapping[str, Look]
    target: np.ndarray | None  # bool (N,): which test images of its own task it names rightly; None where there are none


def load_target(spec: RunSpec, classes: tuple[str, ...], *, images: int, report: Reporter) -> Target:
    """At most `images` test images of a run's task and 256 training images, the same for every run of that dataset.

    Raises as `load` does, and `DataError` where the dataset no longer has the run's classes.
    """

    def some(split: str, count: int) -> Split:
        return load_sample(
            spec.dataset,
            labels=spec.labels,
            images=count,
            image_size=spec.image_size,
            split=split,  # type: ignore[arg-type] - one of two names
            classes=classes,
            interpolation=describe(spec.backbone).preprocessing.interpolation,
            progress=report.progress,
        )

    return Target(some("test", images), some("train", RECOMPUTED_ON))


@dataclass
class Looking:
    """Looks at networks, one after the other, and tells how far all the looks together are."""

    probes: SourceProbes
    target: Target | None
    machine: Machine
    report: Reporter
    looks: int = 1  # that are to come in all, as far as is known
    what: str = "Asking what it still knows"
    _done: int = field(default=0, init=False)

    @property
    def images(self) -> int:
        """That one look passes through a network."""
        return self.probes.images + (len(self.target.test) if self.target else 0)

    def look(self, network: Network) -> Seen:
        """Ask `network` all of it. Raises `Cancelled` soon after it is asked for."""
        steps = self.probes.looking(network, self.machine)
        while True:
            try:
                self._tell(next(steps))
            except StopIteration as done:
                sources: Mapping[str, Look] = done.value
                break
        right = None
        if self.target is not None:
            parts, images = [], self.target.test.images
            for _, logits in read(network, self.machine, images, network.head):
                parts.append(logits.argmax(1).numpy())
                self._tell(self.probes.images + sum(map(len, parts)))
            right = np.concatenate(parts) == self.target.test.labels
        self._done += 1
        return Seen(sources, right)

    def recompute(self, network: Network) -> None:
        """Measure BatchNorm's statistics anew on the target's training images."""
        assert self.target is not None
        recompute_batchnorm(network, self.machine, self.target.train.images, lambda *_: self.report.check())

    def _tell(self, images: int) -> None:
        total = max(self.looks, self._done + 1) * self.images
        self.report.progress(self.what, self._done * self.images + images, total, "images")
