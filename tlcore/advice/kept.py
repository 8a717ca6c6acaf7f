"""What `advice-regret` and `layers --check` found last: here, or as it came with the repository. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlcore.training.processor import cpu_model, cpu_threads, gpu_name

FILE = "advice-regret.json"  # in the folder of runs
SHIPPED = Path(__file__).parents[2] / "assets" / "advice_regret.json"
LEVEL_FILE = "level-regret.json"
LEVEL_SHIPPED = SHIPPED.with_name("level_regret.json")


@dataclass(frozen=True)
class Kept:
    """The answer as the command printed it, and whether it is about a machine like this one."""

    answer: dict[str, Any]
    from_here: bool


def kept(runs_dir: Path, shipped: Path = SHIPPED) -> Kept | None:
    """The answer on strategies of this folder of runs, else the shipped one; None where neither can be read."""
    return _first_read(runs_dir / FILE, shipped)


def kept_level(runs_dir: Path, shipped: Path = LEVEL_SHIPPED) -> Kept | None:
    """The answer on the recommended level of this folder of runs, else the shipped one; None where neither can be read."""
    return _first_read(runs_dir / LEVEL_FILE, shipped)


def _first_read(*files: Path) -> Kept | None:
    for file in files:
        try:
            answer = json.loads(file.read_bytes())
            machine, rules = answer["machine"], answer["summary"]
            here = {"processor": cpu_model(), "threads": cpu_threads(), "gpu": gpu_name()}
            if rules["advice"]["of"] > 0:
                return Kept(answer, all(machine[name] == here[name] for name in here))
        except (OSError, ValueError, KeyError, TypeError):  # none, or of another version
            continue
    return None
