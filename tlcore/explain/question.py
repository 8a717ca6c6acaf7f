"""The question that is put to a network's maps: by which method, for which class, and against which other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlcore.errors import UnknownName
from tlcore.explain.answer import answers_of
from tlcore.explain.maps import Maps, explain
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.spec import ExplainSpec
from tlcore.training.machine import Machine


@dataclass(frozen=True)
class Question:
    """What is asked of every picture and of every network of an explanation, and of the tests of its maps."""

    method: str
    target: int | None = None  # the class that is explained; without it the one that is answered
    against: int | None = None  # the class that it is held against

    @classmethod
    def of(cls, spec: ExplainSpec, classes: Sequence[str]) -> Question:
        """Raises `UnknownName` for a class that the run does not know."""

        def place(name: str | None) -> int | None:
            if name is not None and name not in classes:
                raise UnknownName("class of this run", name, classes)
            return None if name is None else list(classes).index(name)

        return cls(spec.method, place(spec.target), place(spec.against))

    def targets(self, answered: np.ndarray) -> np.ndarray:
        """The class to explain of each picture, int64 (N,), by its answers (N, C).

        It is the one asked for, else the likeliest that is not the one it is held against.
        """
        if self.target is not None:
            return np.full(len(answered), self.target)
        if self.against is None:
            return answered.argmax(1)
        return np.where(np.arange(answered.shape[1]) == self.against, -np.inf, answered).argmax(1)

    def asked_of(self, network: Network, machine: Machine, images: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """(targets, against), as `explain` takes them, where the network itself settles what was left open."""
        if self.target is None and self.against is None:
            return None, None  # `explain` sees the answers itself
        answered = np.empty((len(images), 0)) if self.target is not None else answers_of(network, machine)(images)
        return self.targets(answered), self.others(len(images))

    def others(self, images: int) -> np.ndarray | None:
        """The class that each picture's target is held against, int64 (N,)."""
        return None if self.against is None else np.full(images, self.against)

    def maps(
        self, network: Network, machine: Machine, images: np.ndarray, *, place: str | None, progress: Progress = silent
    ) -> Maps:
        """The network's own maps of pictures, uint8 (N, S, S, 3)."""
        targets, against = self.asked_of(network, machine, images)
        return explain(
            network, machine, images, method=self.method, place=place, targets=targets, against=against, progress=progress
        )
