"""L2-SP and L1-SP: back towards the old weights (Li et al. 2018, "Explicit inductive bias for transfer learning").

    L2-SP   alpha/2 ||w - w0||²  + beta/2 ||v||²
    L1-SP   alpha   ||w - w0||_1 + beta/2 ||v||²

w: the parameters that train now and came with the weights, w0: as they started; v: those of a fresh head. A head that was
kept from the run which this one starts from came with the weights too: it is among w, and there is no v. The scale of a
cosine head is in neither: it is no weight, it begins at 10, and nothing pulls it to 0. Running means and variances of
BatchNorm are not parameters, and are not pulled. The paper puts this in place of weight decay; here the run's own weight
decay stays beside it, decoupled and small: set it to 0 for the paper's loss.

Where the head is pulled at, a phase that trains it alone is no longer solved by L-BFGS, but trained in steps.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Literal

from torch import Tensor, nn

from tlcore.models.heads import Head
from tlcore.training.pull.term import Term, moving
from tlcore.training.route import Route
from tlcore.training.state import State


class TowardsStart(Term):
    """`power` 2 is L2-SP, 1 is L1-SP."""

    def __init__(self, strength: float, head_strength: float, power: Literal[1, 2]) -> None:
        self._strength, self._head_strength, self._power = strength, head_strength, power
        self._old: list[tuple[Tensor, Tensor]] = []
        self._new: list[Tensor] = []

    def ready(self, state: State, route: Route) -> Generator[dict[str, Any], None, None]:
        old, new = moving(state)
        if state.network.kept_head:
            old, new = old + new, []
        self._old = [(state.movable[name], state.start[name]) for name in old] if self._strength else []
        scales = _scales(state.network.head)
        self._new = (
            [state.movable[name] for name in new if id(state.movable[name]) not in scales] if self._head_strength else []
        )
        yield from ()

    def of_step(self, state: State) -> Iterator[Tensor]:
        gone = [now - start for now, start in self._old]
        terms = [self._head_strength / 2 * tensor.square().sum() for tensor in self._new]
        if self._power == 2:
            terms += [self._strength / 2 * way.square().sum() for way in gone]
        else:
            terms += [self._strength * way.abs().sum() for way in gone]
        if terms:
            yield sum(terms[1:], terms[0])


def _scales(head: nn.Module) -> set[int]:
    """The ids of the head's scales; a linear head has none."""
    return {id(head.get_parameter(name)) for name in head.scales} if isinstance(head, Head) else set()
