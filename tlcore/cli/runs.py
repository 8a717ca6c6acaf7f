"""The commands that ask the engine about a run, cancel and resume; and a run in one record."""

from __future__ import annotations

import argparse
import difflib
import json
import shlex
from pathlib import Path
from typing import Any

from tlcore import settings
from tlcore.cli.report import plain
from tlcore.engine import LocalEngine
from tlcore.errors import RunNotFound, SpecError
from tlcore.runs import Run, all_runs, open_run

_OF_A_STRATEGY = ("train", "measure", "find-rate")  # what the other kinds tell is the same for any strategy


def cancel(given: argparse.Namespace) -> None:
    run = named_run(given)
    engine_of(given).cancel(run.id)
    state = run.status().state
    _tell(given, state, "is asked to stop" if state == "running" else f"is {state}")


def resume(given: argparse.Namespace) -> None:
    state = engine_of(given).resume(named_run(given).id).status().state
    _tell(given, state, f"is {state}")


def summary(run: Run) -> dict[str, Any]:
    """A run in one record: what was asked, where it stands."""
    status = run.status()
    try:
        spec = run.spec()
    except SpecError:  # written by another version
        asked: dict[str, Any] = {"kind": None, "backbone": None, "dataset": None, "strategy": None}
    else:
        inner = run.subject()
        strategy = getattr(inner, "strategy", None) if spec.kind in _OF_A_STRATEGY else None
        asked = {
            "kind": spec.kind,
            "backbone": getattr(inner, "backbone", None),
            "dataset": getattr(inner, "dataset", None),
            "strategy": strategy.name if strategy else None,
        }
    return {
        "run_id": run.id,
        "state": status.state,
        **asked,
        "queued_at": status.queued_at,
        "started_at": status.started_at,
        "ended_at": status.ended_at,
        "error": status.error,
    }


def _tell(given: argparse.Namespace, state: str, words: str) -> None:
    print(json.dumps({"run_id": given.run_id, "state": state}) if given.json else f"Run {given.run_id} {words}.")


def named_run(given: argparse.Namespace) -> Run:
    """The run that was named. Raises `RunNotFound`, with the command that tells the right names."""
    return find_run(given, given.run_id)


def find_run(given: argparse.Namespace, run_id: str) -> Run:
    """The run called `run_id`. Raises `RunNotFound`, with the one that was perhaps meant and the command that lists them."""
    runs_dir = runs_dir_of(given)
    try:
        return open_run(runs_dir, run_id)
    except RunNotFound:
        folder = f" --runs-dir {shlex.quote(str(given.runs_dir))}" if given.runs_dir else ""
        known = [run.id for run in all_runs(runs_dir)]
        close = [name for name in known if run_id and run_id in name][:1] or difflib.get_close_matches(run_id, known, n=1)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise RunNotFound(
            f"There is no run {plain(run_id)} here.{meant}", next_step=f"See the runs with: python -m tlcore list runs{folder}"
        ) from None


def engine_of(given: argparse.Namespace) -> LocalEngine:
    """The engine of the folder that was named."""
    return LocalEngine(runs_dir_of(given))


def runs_dir_of(given: argparse.Namespace) -> Path:
    """The folder of runs that was named, or the usual one."""
    return (given.runs_dir or settings.runs_dir()).resolve()
