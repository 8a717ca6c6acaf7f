"""Which function does which kind of job, by dotted name: nothing is imported before a job of that kind runs.

A test names a module of its own in place of this one, when it makes the engine. A spec only ever chooses among the
kinds listed, so nothing that a browser sends can name a function.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlcore.runs import EventWriter, Run
from tlcore.spec import AnySpec

Job = Callable[[Run, EventWriter], dict[str, Any]]

JOBS: dict[str, str] = {
    "train": "tlcore.training.job:train",
    "check": "tlcore.data.check:check",
    "measure": "tlcore.training.measure:measure",
    "dial": "tlcore.training.dial:dial",
    "shift": "tlcore.training.shift:shift",
    "find-rate": "tlcore.training.find_rate:find_rate",
    "layers": "tlcore.analysis.layers:layers",
    "forgetting": "tlcore.forgetting.job:forgetting",
    "blend": "tlcore.forgetting.blend:blend",
    "explain": "tlcore.explain.job:explain",
    "export": "tlcore.explain.export_job:export",
    "transferability": "tlcore.analysis.yosinski:transferability",
    "transferability-cost": "tlcore.analysis.yosinski_cost:cost",
}

# What the fork server imports before the first run is asked for. Importing them must not start threads or touch CUDA.
PRELOAD: tuple[str, ...] = (
    "torch",
    "timm",
    "tlcore.training.job",
    "tlcore.training.measure",
    "tlcore.training.dial",
    "tlcore.training.shift",
    "tlcore.training.find_rate",
    "tlcore.data.check",
    "tlcore.analysis.yosinski",
    "tlcore.analysis.yosinski_cost",
    "tlcore.explain.job",  # somebody waits for a picture's answer, and captum and scipy take 3 s of a processor
)

# What looks at a spec before a foreground run gets its folder: it raises what the job would raise soon after.
REFUSAL = "tlcore.training.refuse:refuse_early"

CATALOGUE = __name__


def find_job(kind: str, catalogue: str = CATALOGUE) -> Job:
    """The function that does jobs of that kind. `catalogue` is the dotted name of a module that has `JOBS`."""
    return _named(importlib.import_module(catalogue).JOBS[kind])


def find_refusal(catalogue: str = CATALOGUE) -> Callable[[AnySpec, Path], None]:
    """The function that refuses a spec, given the folder of runs, early; a catalogue has it as `REFUSAL`."""
    return _named(importlib.import_module(catalogue).REFUSAL)


def _named(dotted: str) -> Callable[..., Any]:
    module, _, function = dotted.partition(":")
    return getattr(importlib.import_module(module), function)
