"""What it looks like when memory runs out, wherever a network is asked or trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import torch

from tlcore.errors import OutOfMemory

Found = TypeVar("Found")


class Placed(Protocol):
    """Where it is computed; `tlcore.training.machine.Machine` is one."""

    @property
    def device(self) -> torch.device: ...


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch, on a GPU or a CPU, could not get memory."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def free(machine: Placed) -> None:
    """Give back what a failed attempt left in torch's reserve. Call it when its exception is out of scope."""
    if machine.device.type == "cuda":
        torch.cuda.empty_cache()


def nothing_fits() -> OutOfMemory:
    return OutOfMemory(
        "Not even the smallest possible batch fits into memory.",
        next_step="Choose a smaller image size or backbone, unfreeze fewer groups, or end other programs that use the memory.",
    )


def by_batches(images: int, at_once: int, machine: Placed, ask: Callable[[slice, int], Found]) -> Iterator[tuple[slice, Found]]:
    """(part, what `ask` gives for it) of one batch of `images` after another; one that does not fit goes through by halves.

    `ask` is given the part and how many images are given at a time by now. Batches after one that did not fit are as small as
    what fitted. Raises `OutOfMemory` where not even one image does.
    """
    first = 0
    while first < images:
        part = slice(first, min(first + at_once, images))
        found: list[Found] = []
        try:
            found.append(ask(part, at_once))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if at_once == 1:
                raise nothing_fits() from error
        if not found:  # the exception, and with it what it held, is out of scope here
            at_once //= 2
            free(machine)
            continue
        first = part.stop
        yield part, found[0]
