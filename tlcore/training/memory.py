"""What it looks like when memory runs out, and what can be done."""

from __future__ import annotations

import itertools
import math

import torch

from tlcore.errors import OutOfMemory
from tlcore.training.machine import Machine


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch, on a GPU or a CPU, could not get memory."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def free(machine: Machine) -> None:
    """Give back what a failed attempt left in torch's reserve. Call it when its exception is out of scope."""
    if machine.device.type == "cuda":
        torch.cuda.empty_cache()


def parts(images: int, at_once: int | None) -> list[slice]:
    """Slices of nearly equal size, of at most `at_once` images, but of 2 at least unless 1 is asked for (BatchNorm)."""
    count = 1 if at_once is None else min(math.ceil(images / at_once), max(1, images // min(2, at_once)))
    edges = [images * i // count for i in range(count + 1)]
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


def nothing_fits() -> OutOfMemory:
    return OutOfMemory(
        "Not even the smallest possible batch fits into memory.",
        next_step="Choose a smaller image size or backbone, unfreeze fewer groups, or end other programs that use the memory.",
    )
