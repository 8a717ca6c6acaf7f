"""This engine, used the public way: `run(RunSpec(...))` in the foreground, from nothing kept to the result."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlcore.bench.timing import Clock, cpu_clock
from tlcore.engine import run
from tlcore.settings import cache_dir
from tlcore.spec import RunSpec

_COMPUTED = ("decoded", "activations")  # folders of the cache that hold what a first run has to make
_MEASURED = "formats"  # what is measured once on a machine, and not for each run


@dataclass(frozen=True)
class Asked:
    """A run asked for twice: seconds of the first time and of the second one, and the first one's result."""

    first: float
    again: float
    result: dict[str, Any]


def ask_twice(spec: RunSpec, *, clock: Clock = cpu_clock) -> Asked:
    """Run `spec` where no picture is decoded and no activation kept, then once more with what the first run has left."""
    with nothing_kept(), tempfile.TemporaryDirectory() as runs:
        times, result = [], {}
        for _ in range(2):
            began = clock()
            result = ask_once(spec, Path(runs))
            times.append(clock() - began)
    return Asked(times[0], times[1], result)


def ask_once(spec: RunSpec, runs: Path) -> dict[str, Any]:
    return run(spec, runs_dir=runs, progress=False)


@contextlib.contextmanager
def nothing_kept() -> Iterator[Path]:
    """Within it the cache is a temporary folder that holds what was fetched (by links), and nothing that was computed."""
    real = cache_dir()
    (real / _MEASURED).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        for entry in real.iterdir():
            if entry.name not in _COMPUTED:
                (cache / entry.name).symlink_to(entry)
        with _environment(THAW_CACHE_DIR=str(cache), THAW_ACTIVATIONS_DIR=str(cache / "activations")):
            yield cache


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within it torch computes with one thread, in this engine's runs too: CPU time then says what was done."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _environment(OMP_NUM_THREADS="1"):
            yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
