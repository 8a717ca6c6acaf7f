"""How much memory training takes at most."""

from __future__ import annotations

import psutil
import torch

from tlcore.training.machine import Machine


class PeakMemory:
    """The most memory that the steps took: exact on a GPU; on a CPU how much the process has grown, at the end of steps."""

    def __init__(self, machine: Machine) -> None:
        self._device = machine.device if machine.device.type == "cuda" else None
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self._most = 0
        if self._device is not None:
            torch.cuda.reset_peak_memory_stats(self._device)

    def look(self) -> None:
        """Call it where most is held: what the process has grown by counts."""
        self._most = max(self._most, self._process.memory_info().rss - self._before)

    @property
    def peak(self) -> int:
        """Bytes."""
        return self._most if self._device is None else torch.cuda.max_memory_allocated(self._device)

    @property
    def what(self) -> str:
        """What those bytes are, in words."""
        if self._device is None:
            return "Growth of the process on the CPU while training: parameters, gradients, optimizer and activations."
        return "The most that PyTorch held on the GPU at once."
