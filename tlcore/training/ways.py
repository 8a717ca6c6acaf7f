"""The way of one phase, and what of the frozen part's work is worth keeping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import psutil

from tlcore.groups import HEAD
from tlcore.models.prefix import Precision
from tlcore.settings import activations_dir
from tlcore.shelf import free_bytes
from tlcore.strategies import Phase
from tlcore.training.activations import shelf
from tlcore.training.frozen import Frozen
from tlcore.training.head import MOST_VALUES

FROM_MEMORY, FROM_DISK = 2e9, 2e8  # bytes a second that rows are read with, cautiously


@dataclass(frozen=True)
class Way:
    """How one phase goes, in plain data, for the plan and the page."""

    kind: Literal["whole", "kept", "recomputed"]  # the frozen part: none apart, computed once, computed in each epoch
    cut: str | None  # the cut is below this group
    views: int  # kept views of each training picture; 0: fresh ones in each epoch
    bytes: int  # that the kept rows take
    reason: str
    solver: Literal["steps", "lbfgs"] = "steps"  # L-BFGS: a head alone on kept features
    precision: Precision = "float32"  # of its steps
    timed: dict[str, float] = field(default_factory=dict)  # format -> seconds of a step for one picture; empty: no choice


def ways_of(groups: Sequence[str], frozen: Frozen, counts: Mapping[str, int], views: int) -> dict[str, Way]:
    """The way of each cut: what an earlier one keeps is no room for a later one."""
    room = min(shelf().limit_bytes, (free_bytes(activations_dir()) + shelf().size()) // 2)
    ways: dict[str, Way] = {}
    for group in groups:
        ways[group] = _way(group, frozen, counts, views, room)
        room -= ways[group].bytes
    return ways


def _way(border: str, frozen: Frozen, counts: Mapping[str, int], views: int, room: int) -> Way:
    each = frozen.bytes_of_picture(border)
    evaluated = sum(count for name, count in counts.items() if name != "train")
    total = each * (counts["train"] * views + evaluated)
    if total > room:
        return Way(
            "recomputed", border, 0, 0, f"What it computes would take {_size(total)}, and there is room for {_size(room)}."
        )
    in_memory = total < psutil.virtual_memory().total / 4  # what is free just now would make each run go its own way
    reading = each / (FROM_MEMORY if in_memory else FROM_DISK)
    computing = frozen.format.seconds[frozen.format.precision]
    if reading > computing:
        return Way(
            "recomputed", border, 0, 0, f"To read a row takes {1000 * reading:.2g} ms, to compute it {1000 * computing:.2g} ms."
        )
    if not views:
        return Way("recomputed", border, 0, each * evaluated, "Each epoch draws fresh augmented views, as asked for.")
    return Way("kept", border, views, total, "Computed once, then read.")


def solved(way: Way, phase: Phase, frozen: Frozen, counts: Mapping[str, int]) -> Way:
    """The way with the head solved, where it alone trains, on features that are kept and fit into memory together."""
    alone = not any(phase.trains(group) for group in phase.rates if group != HEAD)
    if not alone or way.kind != "kept" or way.cut != HEAD:
        return way
    values = int(np.prod(frozen.shape(HEAD))) * way.views * counts["train"]
    return replace(way, solver="lbfgs") if values <= MOST_VALUES else way


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
