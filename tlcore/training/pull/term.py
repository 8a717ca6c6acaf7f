"""What every pull has in common: a value that is added to the loss of a step.

A term is made once, from the network as it starts (`make.py`), and readied for each phase. Whatever it draws is a function of
the seed and the step, and whatever it computed beforehand comes out the same when it is computed again: a checkpoint keeps
nothing of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import Any

from torch import Tensor, nn

from tlcore.groups import HEAD
from tlcore.training.route import Route
from tlcore.training.state import State


class Term:
    """Nothing is added: cross-entropy on the labels alone. The pulls are its children."""

    def ready(self, state: State, route: Route) -> Generator[dict[str, Any], None, None]:
        """Get ready for the phase that `state` is in, whose parameters `requires_grad` already; yields `progress` events."""
        yield from ()

    def watching(self) -> contextlib.AbstractContextManager[None]:
        """Within it a part of the batch goes through the network: what `of_part` is to be told from may be noted."""
        return contextlib.nullcontext()

    def of_part(self) -> Tensor | None:
        """The term's mean over the images of the part that has just been watched; None where it is not about them."""
        return None

    def of_step(self, state: State) -> Iterator[Tensor]:
        """What is added once in a step, whatever its batch: values whose sum counts, each to be sent backward in turn."""
        yield from ()


def moving(state: State) -> tuple[list[str], list[str]]:
    """The names of the parameters that train now, and may have been pretrained; and of those that do in the head."""
    tensors = state.network.partition.tensors
    names = [name for name, tensor in state.movable.items() if tensor.requires_grad]
    return [name for name in names if tensors[name] != HEAD], [name for name in names if tensors[name] == HEAD]


class Inputs:
    """Notes, while within it, what modules are given as their first argument."""

    def __init__(self, *modules: nn.Module) -> None:
        self._modules = modules
        self._seen: dict[nn.Module, Tensor] = {}

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        self._seen.clear()
        handles = [module.register_forward_pre_hook(self._note) for module in self._modules]
        try:
            yield
        except BaseException:
            self._seen.clear()  # memory may have run out: what was noted holds on to some
            raise
        finally:
            for handle in handles:
                handle.remove()

    def of(self, module: nn.Module) -> Tensor:
        """What the module was given; it is forgotten then, so that no graph outlives its step."""
        return self._seen.pop(module)

    def _note(self, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        self._seen[module] = given[0]
