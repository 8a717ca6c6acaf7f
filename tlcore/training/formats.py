"""Which number format is the fastest on this machine: measured once, kept in the cache, shown.

A lower format pays only where the processor has instructions for it: on one without them, bfloat16 is ten times slower
than float32. So a format whose matrix product is no faster is not even tried.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from tlcore.files import write_json
from tlcore.models.prefix import Precision, Prefix
from tlcore.settings import cache_dir
from tlcore.training.machine import Machine

ROUNDS = 3
WORTH = 1.1  # a lower format must be so many times as fast
_SIDE = 256  # of the matrices compared


@dataclass(frozen=True)
class Format:
    """What was measured about a prefix on this machine."""

    precision: Precision
    seconds: dict[str, float]  # format -> seconds for one picture
    shapes: dict[str, list[int]]  # of one picture's activation at each cut, as the network has it: channels first
    error: float | None = None  # root mean square, of the logits against the plain network in float32, by their spread


def choose_format(
    make: Callable[[], Prefix],
    pictures: Callable[[], Tensor],
    machine: Machine,
    recipe: dict[str, object],
    error: Callable[[Prefix], float] | None,
    seen: dict[str, object],
    *,
    only_float32: bool,
) -> tuple[Format, Prefix | None]:
    """The fastest format of a prefix, what was measured, and the prefix in that format where one had to be made for it.

    `make` gives the prefix in float32, `pictures` (B, 3, S, S) are normalised ones, and `error` measures a prefix's effect on
    the logits (None: nobody asks). None is called where this machine has measured before. How fast a format is depends on
    `recipe`, which has neither weights nor pictures, so that runs and their estimates agree on it; its error depends on
    `seen` as well, which has both; where it is not finite float32 is taken.
    """
    recipe = recipe | {"machine": machine.processor, "rounds": ROUNDS}  # earlier versions kept the time of a single pass
    file, made = format_file(recipe), None
    try:
        kept = json.loads(file.read_bytes())
        found = Format(kept["precision"], kept["seconds"], kept["shapes"])
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        found, made = _timed(make(), pictures(), machine, only_float32)
        write_json(file, asdict(found))
    if error is None:
        return found, made
    file = format_file(recipe | seen | {"precision": found.precision})
    try:
        kept = json.loads(file.read_bytes())
        precision, share = kept["precision"], float(kept["error"])
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        precision, made = found.precision, made or _in(found.precision, make())
        share = error(made)
        if not math.isfinite(share):  # float16 ends at 65,504: where these weights go beyond, float32 it is
            precision, made = "float32", _in("float32", make())
            share = error(made)
        if math.isfinite(share):
            write_json(file, {"precision": precision, "error": share})
    return replace(found, precision=precision, error=share if math.isfinite(share) else None), made


def _timed(prefix: Prefix, pictures: Tensor, machine: Machine, only_float32: bool) -> tuple[Format, Prefix]:
    others = [] if only_float32 else faster_formats(machine)
    tried = {"float32": prefix} | {name: _in(name, prefix) for name in others}
    seconds = _interleaved({name: _timer(made, pictures, machine) for name, made in tried.items()})
    fastest = min(seconds, key=lambda name: seconds[name])
    chosen = fastest if seconds["float32"] >= WORTH * seconds[fastest] else "float32"
    measured = {name: taken / len(pictures) for name, taken in seconds.items()}
    shapes = {group: list(out.shape[1:]) for group, out in zip(prefix.groups, prefix(pictures[:1]), strict=True)}
    return Format(chosen, measured, shapes), tried[chosen]


def _in(precision: Precision, prefix: Prefix) -> Prefix:
    return prefix if precision == "float32" else prefix.in_precision(precision)


def format_file(recipe: dict[str, object]) -> Path:
    """Where what was measured about `recipe` is kept."""
    name = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:40]
    return cache_dir() / "formats" / f"{name}.json"


def faster_formats(machine: Machine) -> list[Precision]:
    """The formats below float32 whose matrix product is faster than float32's on this machine."""
    candidates: list[Precision] = ["bfloat16"] if machine.device.type == "cpu" else ["bfloat16", "float16"]
    timers = {name: _matrix_product(getattr(torch, name), machine) for name in ("float32", *candidates)}
    seconds = _interleaved(timers)
    return [name for name in candidates if seconds["float32"] >= WORTH * seconds[name]]


def _matrix_product(dtype: torch.dtype, machine: Machine) -> Callable[[], float]:
    a = torch.ones(_SIDE, _SIDE, dtype=dtype, device=machine.device)

    def time_it() -> float:
        began = time.perf_counter()
        a @ a
        wait(machine)
        return time.perf_counter() - began

    return time_it


def _timer(prefix: Prefix, pictures: Tensor, machine: Machine) -> Callable[[], float]:
    def time_it() -> float:
        began = time.perf_counter()
        prefix(pictures)
        wait(machine)
        return time.perf_counter() - began

    return time_it


def _interleaved(timers: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of a few rounds in which each takes its turn, after one that warms up. One alone is timed as often: what is
    kept is charged to every run that finds its pictures computed, and a single pass was seen to be four times too slow."""
    rounds = [{name: timer() for name, timer in timers.items()} for _ in range(ROUNDS + 1)]
    return {name: median(taken[name] for taken in rounds[1:]) for name in timers}


def wait(machine: Machine) -> None:
    """Until a GPU has done what it was given."""
    if machine.device.type == "cuda":
        torch.cuda.synchronize(machine.device)
