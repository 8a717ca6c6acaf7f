"""The command `show`: where a run stands, and what it found, or a comparison as it stands now."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from tlcore.cli import explain, forgetting, layers, report, transferability
from tlcore.cli.compare import report as compared
from tlcore.cli.exported import exported
from tlcore.cli.runs import engine_of, named_run, runs_dir_of, summary
from tlcore.compare.folder import Comparison, open_comparison
from tlcore.errors import RunNotFound
from tlcore.figures.compare_told import told

READERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {  # of a result, by the kind of spec that was asked
    "train": report.training,
    "check": report.findings,
    "measure": report.measurement,
    "dial": report.levels,
    "shift": lambda result: report.shift(result, result["dataset"]),
    "find-rate": report.rate_found,
    "layers": layers.text,
    "forgetting": forgetting.text,
    "blend": forgetting.saved,
    "explain": explain.shown,
    "export": exported,
    "transferability": report.transferability,
    "transferability-cost": transferability.cost_text,
}


def show(given: argparse.Namespace) -> None:
    """Print a run or a comparison, whichever has the id."""
    if (comparison := _comparison(given)) is not None:
        answer = told(comparison)
        print(json.dumps(answer) if given.json else compared(answer))
        return
    run = named_run(given)
    known = summary(run) | {"place": engine_of(given).place(run.id), "result": run.result()}
    if given.json:
        print(json.dumps(known))
    else:
        print(text(known, run.log_tail() if known["state"] in ("failed", "lost") else ""))


def text(known: Mapping[str, Any], log: str) -> str:
    """Where a run stands, why it failed if it did, and what it found."""
    lines = [f"{known['run_id']}: {known['state']}" + (f", place {known['place']} in the queue" if known["place"] else "")]
    if known["error"]:
        lines += filter(None, (f"error: {known['error']['message']}", known["error"]["next_step"]))
    if log:
        lines += ["", "The end of its log:", log]
    if known["result"] and known["kind"] in READERS:
        about = {"run_id": known["run_id"], "dataset": known["dataset"]}  # which some results leave out
        lines += ["", READERS[known["kind"]](about | known["result"])]
    return "\n".join(lines)


def _comparison(given: argparse.Namespace) -> Comparison | None:
    try:
        return open_comparison(runs_dir_of(given), given.run_id)
    except RunNotFound:
        return None
