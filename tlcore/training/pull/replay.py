"""Replay: in each step the network also answers for a few images of the old task (Robins 1995, "Catastrophic forgetting,
rehearsal and pseudorehearsal").

    strength · mean over the step's source images of  KL(old answers ‖ new answers), or the cross-entropy of their labels

Both answers come from the old classifier, which stays as it was. The source images go through the network after the batch, in
a pass of their own, as they are: no augmentation. Where BatchNorm trains, its running mean and variance see them too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tlcore.training.frozen import BATCH, from_rows
from tlcore.training.memory import parts
from tlcore.training.pull.old import as_it_started, divergence, old_head
from tlcore.training.pull.source import Source
from tlcore.training.pull.term import Inputs, Term, moving
from tlcore.training.route import CutRoute, Route
from tlcore.training.state import State

MOST_BYTES = 10**9  # of rows at the cut that are kept in memory; above it the frozen part looks at the pictures each time
_REPLAY = 3  # keeps this stream of chance apart from those of tlcore.training.chance


def replayed(seed: int, step: int, images: int, count: int) -> np.ndarray:
    """The source images of a step: `count` different ones of `images` (all of them where there are fewer), int64."""
    generator = np.random.default_rng(np.random.SeedSequence([seed, _REPLAY, step]))
    return generator.choice(images, min(count, images), replace=False)


def in_a_step(share: float, batch_size: int) -> int:
    """How many source images go into a step; at least two, for BatchNorm."""
    return max(2, round(share * batch_size))


class Replay(Term):
    """The old answers are asked for anew in each phase, along its own route: what rounding differs by there is no forgetting,
    and AdamW, whose steps do not see how small a gradient is, would go after it."""

    def __init__(self, strength: float, source: Source, count: int, seed: int) -> None:
        self._strength, self._source, self._count, self._seed = strength, source, count, seed
        self._route: Route | None = None
        self._rows: np.ndarray | None = None

    def ready(self, state: State, route: Route) -> Generator[dict[str, Any], None, None]:
        self._route, self._rows = None, None
        if not moving(state)[0]:  # no feature moves
            return
        self._route, self._head = route, state.network.head
        self._old_head = old_head(state.network, route.machine.device)
        self._inputs = Inputs(self._head)
        images = self._source.images
        if isinstance(route, CutRoute) and len(images) * route.frozen.bytes_of_picture(route.group) <= MOST_BYTES:
            rows = []
            for first in range(0, len(images), BATCH):
                yield _progress("Computing the frozen layers of the source images", first, len(images))
                rows.append(route.frozen.run(images[first : first + BATCH], (route.group,))[route.group])
            self._rows = np.concatenate(rows)
        if self._source.labels is None:
            self._targets = yield from self._old_answers(state, route)
        else:
            self._targets = torch.from_numpy(self._source.labels).to(route.machine.device)

    def _old_answers(self, state: State, route: Route) -> Generator[dict[str, Any], None, Tensor]:
        """The logits (N, C) of the network as it started."""
        old = route.through(as_it_started(state, route.module, self._old_head))
        count, answers = len(self._source.images), []
        for first in range(0, count, BATCH):
            yield _progress("Asking the old network about the source images", first, count)
            with torch.no_grad(), route.machine.autocast():
                answers.append(old.logits(self._look(np.arange(first, min(first + BATCH, count)))).float().flatten(1))
        return torch.cat(answers)

    def of_step(self, state: State) -> Iterator[Tensor]:
        if self._route is None:
            return
        chosen = replayed(self._seed, state.step, len(self._source.images), self._count)
        for part in parts(len(chosen), state.images_at_once):
            with self._route.machine.autocast(), self._inputs.noted():
                self._route.logits(self._look(chosen[part]))
                new = self._old_head(self._inputs.of(self._head))
            old = self._targets[torch.from_numpy(chosen[part]).to(new.device)]
            losses = divergence(new, old) if old.is_floating_point() else _on_labels(new, old)
            yield self._strength * losses.sum() / len(chosen)

    def _look(self, chosen: np.ndarray) -> Tensor:
        assert self._route is not None
        if self._rows is not None:
            return from_rows(self._rows[chosen]).to(self._route.machine.device)
        return torch.from_numpy(self._source.images[chosen]).to(self._route.machine.device)


def _on_labels(new: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(new.float().flatten(1), labels, reduction="none")


def _progress(what: str, done: int, total: int) -> dict[str, Any]:
    return {"type": "progress", "what": what, "done": done, "total": total, "unit": "images"}
