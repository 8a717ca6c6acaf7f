"""The machine that a run computes on: its device, its number format, its threads, and what makes it repeatable."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from tlcore.errors import SpecError
from tlcore.models.backward import make_lean
from tlcore.training.processor import cpu_model, cpu_threads

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Machine:
    """Where the forward pass runs and in which format. Weights, gradients and losses are always float32."""

    device: torch.device
    precision: Precision

    @property
    def name(self) -> str:
        """For people: "CPU, 2 threads" or the GPU's name."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        threads = torch.get_num_threads()
        return f"CPU, {threads} thread{'s' if threads > 1 else ''}"

    @property
    def processor(self) -> str:
        """What decides how fast a number format is: `name`, and of a CPU its model and the instructions that torch uses."""
        if self.device.type == "cuda":
            return self.name
        return f"{self.name}, {cpu_model()}, {torch.backends.cpu.get_cpu_capability()}"

    def place(self, module: nn.Module) -> None:
        """Move a network here and make its steps fast: images' channels last in memory, a lean backward pass. Answers stay."""
        make_lean(module)
        module.to(self.device, memory_format=torch.channels_last)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision for the forward pass; nothing in float32."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=getattr(torch, self.precision))

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps small gradients above float16's smallest number; passes everything through in the other formats."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "float16")


def choose(device: str, precision: str) -> Machine:
    """The machine for a spec's `device` and `precision`, each of which may be "auto". Raises `SpecError`."""
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise SpecError("This machine has no GPU that PyTorch can use.", next_step="Choose the device auto or cpu.")
    chosen = torch.device("cuda" if has_gpu and device != "cpu" else "cpu")
    if chosen.type == "cpu":
        if precision == "float16":
            raise SpecError("float16 needs a GPU.", next_step="Choose the precision auto, float32 or bfloat16.")
        # "auto" starts from float32; where bfloat16 is faster is measured for each phase (step_format.py).
        return Machine(chosen, "bfloat16" if precision == "bfloat16" else "float32")
    if precision == "auto":
        precision = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return Machine(chosen, precision)  # type: ignore[arg-type]


@contextlib.contextmanager
def memory_reused() -> Iterator[None]:
    """Within it, memory that was freed stays with the process for the next tensor of its size, and is given back afterwards.

    By default glibc asks the system for each block above 32 MiB and hands it back when it is freed, so that every step of a
    large network pays for fresh pages: a fifth of the time of training all of EfficientNet-Lite0 on a CPU. With another
    C library nothing changes.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of <malloc.h>
    try:
        libc = ctypes.CDLL(None)
        mallopt, malloc_trim = libc.mallopt, libc.malloc_trim
    except (OSError, AttributeError):
        yield
        return
    mallopt(mmap_threshold, 2**30)
    mallopt(trim_threshold, 2**31 - 1)
    try:
        yield
    finally:  # where glibc's own rule ends up in a process that has freed large blocks
        mallopt(mmap_threshold, 2**25)
        mallopt(trim_threshold, 2**26)
        malloc_trim(0)


@contextlib.contextmanager
def repeatable(machine: Machine) -> Iterator[None]:
    """Within it the same spec gives the same numbers on the same machine; what it changes is put back afterwards.

    On a GPU it chooses deterministic algorithms, where there are any, and full float32 (no TF32) where float32 was asked
    for. On a CPU the number of threads decides the order of sums, so it is fixed too.
    """
    before = (
        torch.get_num_threads(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    torch.set_num_threads(cpu_threads())
    if machine.device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        torch.backends.cudnn.allow_tf32 = machine.precision != "float32"
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with memory_reused():
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before[1], before[2]
        torch.backends.cudnn.allow_tf32 = before[3]
        torch.use_deterministic_algorithms(before[4], warn_only=before[5])
