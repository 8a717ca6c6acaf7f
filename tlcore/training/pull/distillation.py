"""LwF: keep the old head's answers on the new images as they were (Li & Hoiem 2016, "Learning without Forgetting").

    strength · mean over the batch of  T² KL(old answers ‖ new answers), both softened by T

The old answers are those of the network as it started, in eval mode, on the very pictures that it now learns from
(augmented alike). No image of the old task is needed. Departures: in the paper the old head goes on learning; here it stays as
it was, so that what is asked is whether the features still say the same. And the paper's loss has no factor T²: its weight of
1 at T = 2 is a strength of 1/4 here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor, nn

from tlcore.training.pull.old import as_it_started, divergence, old_head
from tlcore.training.pull.term import Inputs, Term, moving
from tlcore.training.route import Route
from tlcore.training.state import State


class Distillation(Term):
    """The teacher is a copy of what trains, taken at the cut: the frozen part below it is shared."""

    def __init__(self, strength: float, temperature: float) -> None:
        self._strength, self._temperature = strength, temperature
        self._teacher: nn.Module | None = None

    def ready(self, state: State, route: Route) -> Generator[dict[str, Any], None, None]:
        self._teacher = None
        if moving(state)[0]:  # else no feature moves, and there is nothing to keep
            self._old_head, self._head, self._pupil = (
                old_head(state.network, route.machine.device),
                state.network.head,
                route.module,
            )
            self._teacher = as_it_started(state, self._pupil, self._old_head)
            self._inputs = Inputs(self._pupil, self._head)
        yield from ()

    def watching(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._teacher is None else self._inputs.noted()

    def of_part(self) -> Tensor | None:
        if self._teacher is None:
            return None
        with torch.no_grad():
            old = self._teacher(self._inputs.of(self._pupil))
        new = self._old_head(self._inputs.of(self._head))
        return self._strength * divergence(new, old, self._temperature).mean()
