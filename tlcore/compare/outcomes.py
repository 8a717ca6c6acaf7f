"""Where each cell of a comparison stands, and what a finished one found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from tlcore.compare.folder import Contents, Entry
from tlcore.errors import ThawError
from tlcore.made_with import MADE_WITH, MadeWith
from tlcore.runs import Run, StateName, open_run

METRICS = ("accuracy", "balanced_accuracy", "auroc", "f1")  # those that are compared, all of the test split
CellState = StateName | Literal["missing"]


@dataclass(frozen=True)
class Outcome:
    """What a finished run found, as far as a comparison needs it."""

    path: Path
    test: Mapping[str, Mapping[str, Any]]  # metric -> {value, low, high, method}
    images: int  # in its test split
    over: str  # "images" or "patients": what the intervals count as independent
    majority: float | None  # accuracy of always naming the largest class
    classes: int
    per_class: float  # training images of a class, on average
    trainable_params: int
    seconds: float  # of training, as though nothing had been kept from another run
    curve: tuple[Mapping[str, float | None], ...]  # validation metrics after each epoch
    forgetting: float | None  # where a run measured what it forgot; nothing does so far
    made_with: MadeWith | None = None  # None: before results said so

    def value(self, metric: str) -> float | None:
        return self.test[metric]["value"]


@dataclass(frozen=True)
class Filled:
    """A cell with where it stands."""

    entry: Entry
    state: CellState
    outcome: Outcome | None = None
    error: str = ""  # why it failed

    @property
    def outdated(self) -> bool:
        """Whether its numbers are no longer what its spec would give."""
        return self.outcome is not None and self.outcome.made_with != MADE_WITH


def fill(contents: Contents, runs_dir: Path) -> tuple[Filled, ...]:
    """Look at every cell's run."""
    return tuple(_filled(entry, runs_dir) for entry in contents.entries)


def _filled(entry: Entry, runs_dir: Path) -> Filled:
    if entry.run_id is None:
        return Filled(entry, "missing")
    try:
        run = open_run(runs_dir, entry.run_id)
        status = run.status()
    except (ThawError, OSError, ValueError, TypeError):  # deleted
        return Filled(entry, "missing")
    if status.state == "done":
        outcome = outcome_of(run)
        return Filled(entry, "done", outcome) if outcome else Filled(entry, "failed", error="Its result cannot be read.")
    error = f"{status.error['message']} {status.error['next_step']}".strip() if status.error else ""
    return Filled(entry, status.state, error=error)


def outcome_of(run: Run) -> Outcome | None:
    """The outcome of a finished run; None where its result cannot be read."""
    file = run.path / "result.json"
    try:
        mark = file.stat()
    except OSError:
        return None
    return _read(file, mark.st_mtime_ns)


@lru_cache(maxsize=8192)
def _read(file: Path, _mark: int) -> Outcome | None:
    try:
        result = json.loads(file.read_bytes())
        images = result["data"]["images"]
        classes = len(result["classes"])
        return Outcome(
            path=file.parent,
            test={name: result["test"][name] for name in METRICS},
            images=result["test"]["n"],
            over=result.get("intervals_over", "images"),
            majority=result["majority_baseline"],
            classes=classes,
            per_class=images["train"] / classes,
            trainable_params=result["trainable_params"],
            seconds=fair_seconds(result),
            curve=tuple({name: event["val"].get(name) for name in (*METRICS, "loss")} for event in result["history"]),
            forgetting=(result.get("forgetting") or {}).get("lost"),
            made_with=result.get("made_with"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # of another version
        return None


def fair_seconds(result: Mapping[str, Any]) -> float:
    """Seconds that a run's epochs took, and its frozen layers, as though it had been the first to look at its pictures.

    A run that found the frozen layers' work in the cache is charged what that work costs (its share that was computed, or
    the time measured for a picture), so that the order in which the runs of a comparison went plays no part. Fetching,
    decoding and building are left out.
    """
    training = sum(event["seconds"] for event in result["history"])
    cut = result.get("cut") or {}
    passes, prefix = cut.get("passes"), cut.get("prefix")
    if not passes:
        return training
    found = passes["needed"] - passes["computed"]
    if found <= 0:
        return training + passes["seconds"]
    if passes["computed"]:
        a_picture = passes["seconds"] / passes["computed"]
    else:
        a_picture = (prefix or {}).get("seconds", {}).get((prefix or {}).get("precision"), 0.0)
    return training + passes["seconds"] + found * a_picture
