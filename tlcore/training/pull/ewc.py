"""EWC: lambda/2 sum F_i (w_i - w0_i)² (Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks").

What the old task hardly used may go where it likes, what it leaned on is held. F is measured before the first step, on
source images with the old classifier, for the parameters that the plan moves and that came with the weights: those below the
head, and as for L2-SP those of a head that was kept from the run which this one starts from. It is the old classifier itself,
and the old task leaned on it most. A fresh head knows nothing of the old task, and is free.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from torch import Tensor, nn

from tlcore.groups import HEAD
from tlcore.training.machine import Machine
from tlcore.training.pull.fisher import Pictures, fisher
from tlcore.training.pull.old import as_it_started, old_head
from tlcore.training.pull.source import Source
from tlcore.training.pull.term import Term, moving
from tlcore.training.route import Route
from tlcore.training.state import State


class EWC(Term):
    """Holds each weight by its information, given by the parameter's name."""

    def __init__(self, strength: float, information: dict[str, Tensor]) -> None:
        self._strength = strength
        self.information = information
        self._held: list[tuple[Tensor, Tensor, Tensor]] = []

    def ready(self, state: State, route: Route) -> Generator[dict[str, Any], None, None]:
        body, head = moving(state)
        held = body + head if state.network.kept_head else body
        self._held = [(state.movable[name], state.start[name], self.information[name]) for name in held]
        yield from ()

    def of_step(self, state: State) -> Iterator[Tensor]:
        terms = [(information * (now - start).square()).sum() for now, start, information in self._held]
        if terms:
            yield self._strength / 2 * sum(terms[1:], terms[0])


def information_of(
    state: State, source: Source, machine: Machine, *, empirical: bool, seed: int
) -> Generator[dict[str, Any], None, dict[str, Tensor]]:
    """{name: diagonal Fisher information} of the network as it started, on the source images; float32, uncut."""
    network = state.network
    old = as_it_started(state, network.module, old_head(network, machine.device))
    inside = dict(old.named_parameters())
    names = [
        name
        for name, tensor in state.movable.items()
        if isinstance(tensor, nn.Parameter) and (network.kept_head or network.partition.tensors[name] != HEAD)
    ]
    if not names:
        return {}
    labels = source.labels if empirical else None
    pictures = Pictures(source.images, network.preprocessing, machine.device)
    found = yield from fisher(old, [inside[name] for name in names], pictures, labels, seed)
    return dict(zip(names, found, strict=True))
