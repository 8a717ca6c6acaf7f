"""The whole benchmark: every cell, the machine's ceilings, how near the prefix comes to them, and the growth."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from tlcore.bench import prefix
from tlcore.bench.ceilings import ceilings
from tlcore.bench.cell import Say, measure
from tlcore.bench.growth import growth
from tlcore.bench.memory import peaks
from tlcore.bench.ours import one_thread
from tlcore.bench.peers import installed
from tlcore.bench.table import in_a_line
from tlcore.bench.task import Task
from tlcore.errors import WeightsUnavailable
from tlcore.models.describe import describe
from tlcore.models.weights import find_weights
from tlcore.training.processor import cpu_model

_VERSIONS = ("torch", "torchvision", "timm", "numpy", "pillow")


def benchmark(tasks: Sequence[Task], *, rounds: int, say: Say, quick: bool = False, memory: bool = False) -> dict[str, Any]:
    """Measure `tasks` in this process, with one thread, and return everything as plain data for the table and for JSON.

    Where a backbone's pretrained weights cannot be had its cells start from random ones, for all alike, and say so.
    `quick` leaves out what takes long on any machine: large matrices and the growth. `memory` measures that too, in processes
    of their own.
    """
    peers, left_out = installed()
    versions = {name: importlib.metadata.version(name) for name in _VERSIONS}
    with one_thread():
        say("the machine's ceilings")
        limits = ceilings(rounds=1, sides=(256,), copy_bytes=2**22) if quick else ceilings()
        tasks = _startable(tasks, left_out, say)
        measured = []
        for task in tasks:
            measured.append(measure(task, peers, rounds=rounds, say=say))
            say(f"{task}: {in_a_line(measured[-1])}")
        for cell, task in zip(measured, tasks, strict=True) if memory else ():
            say(f"{task}: memory")
            cell["memory"] = peaks(replace(task, epochs=1))
        by_backbone = {task.backbone: task for task in tasks}
        shares = {}
        for name, task in by_backbone.items():
            say(f"{name}: the frozen prefix beside the ceiling")
            shares[name] = prefix.beside_ceiling(task, rounds=2 if quick else 7)
        heads = [task for task in tasks if task.scope == "head" and not task.views]
        rows = [] if quick or not heads else growth(heads[0], say=say)
    return {
        "cells": measured,
        "prefix_of_ceiling": {name: found["share"] for name, found in shares.items()},
        "prefix": shares,
        "ceilings": limits,
        "growth": rows,
        "growth_of": str(heads[0]) if rows else None,
        "machine": {
            "processor": f"{cpu_model()}, {torch.backends.cpu.get_cpu_capability()}",
            "system": platform.system(),
            "python": platform.python_version(),
            "threads": 1,
        },
        "versions": versions | {name: peer.version() for name, peer in peers.items()},
        "left_out": left_out,
        "clock": "CPU seconds of one process with one torch thread",
    }


def _startable(tasks: Sequence[Task], left_out: list[str], say: Say) -> list[Task]:
    """The tasks with a start that can be had here."""
    without: dict[str, str] = {}
    for name in dict.fromkeys(task.backbone for task in tasks if task.start == "pretrained"):
        say(f"{name}: its weights")
        try:
            find_weights(describe(name))
        except WeightsUnavailable:
            without[name] = f"{name}: pretrained weights cannot be had here, so all start from the same random ones"
    left_out += without.values()
    return [replace(task, start="random") if task.backbone in without else task for task in tasks]
