"""What it looks like when memory runs out, wherever a network is asked or trained."""

from __future__ import annotations

from typing import Protocol

import torch

from tlcore.errors import OutOfMemory


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
