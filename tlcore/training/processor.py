"""The processor that a run computes on, and whether there is a GPU at all. No torch: pages ask too."""

from __future__ import annotations

import functools
import math
import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil


@functools.cache
def cpu_model() -> str:
    """The processor's name as the system gives it."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux, or not x86
        return platform.processor() or platform.machine()


def cpu_threads() -> int:
    """Threads to compute with: OMP_NUM_THREADS where set, else the physical cores that this process may use.

    A container's share of the processor counts (cgroup v2): more threads than that share only wait for each other.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or usable, usable, _container_share()))


def _container_share(limits: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    try:
        quota, period = limits.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return 2**31


@functools.cache
def gpu_name(driver: Path = Path("/proc/driver/nvidia/gpus")) -> str | None:
    """The first NVIDIA GPU as its driver names it, or None: what is there, not whether PyTorch can use it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "unset") in ("", "-1"):
        return None
    for file in sorted(driver.glob("*/information")):
        for line in file.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == "Model":
                return value.strip()
    if not (tool := shutil.which("nvidia-smi")):  # Windows, or a container without the driver's folder
        return None
    try:
        asked = [tool, "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return next(iter(done.stdout.splitlines()), None) if done.returncode == 0 else None
