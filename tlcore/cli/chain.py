"""`forgetting --chain`: learn tasks one after the other, then print what is left of each, as a matrix with its measures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tlcore import settings
from tlcore.cli.arguments import absolute_paths, add_spec_options, run_spec
from tlcore.cli.chain_cost import tell_cost
from tlcore.cli.jobs import TRAIN_KEYS
from tlcore.cli.report import plain, table
from tlcore.engine import run
from tlcore.errors import ThawError
from tlcore.figures.forgetting_matrix import matrix_reading, measures
from tlcore.figures.words import percent
from tlcore.forgetting.chain import queue_chain, refuse_chain, task_of
from tlcore.runs import Run
from tlcore.spec import ForgettingSpec, RunSpec, make
from tlcore.strategies import STRATEGIES
from tlcore.training.refuse import refuse_early

_OWN = {"dataset", "labels", "strategy", "device"}  # options that the command has in another form
_ASKED = {"sources": ("earlier-tasks",), "points": 2}  # of the last run, where nothing else was asked for


def add_chain_options(parser: argparse.ArgumentParser) -> None:
    """The tasks, and what all of their runs share."""
    group = parser.add_argument_group("a chain of tasks")
    group.add_argument(
        "--chain",
        metavar="NAMES",
        help="datasets to learn one after the other, such as chest-xray,traffic-lights,digits, for the matrix of what is left. "
        "Of --source only earlier-tasks is asked and of the way only both ends, unless more is named",
    )
    group.add_argument(
        "--strategy",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help=f"how each task is learned, one of: {', '.join(STRATEGIES)} (default: full)",
    )
    group.add_argument(
        "--set", action="append", metavar="AXIS.SETTING=VALUE", default=argparse.SUPPRESS, help="a setting of the strategy"
    )
    add_spec_options(parser, RunSpec, leave_out=_OWN)


def stray(given: argparse.Namespace) -> list[str]:
    """The options of a chain's runs that were given, for a command that trains none."""
    options = set(vars(given)) & ({"set", *RunSpec.model_fields} - _OWN | {"strategy"})
    return [f"--{name.replace('_', '-')}" for name in sorted(options)]


def chain(given: argparse.Namespace, asked: Mapping[str, Any]) -> None:
    """Train the tasks here and now, in order, and print the matrix; `asked` are the given fields of `ForgettingSpec`.

    Before it starts it says on stderr how long that takes.
    """
    runs_dir = (given.runs_dir or settings.runs_dir()).resolve()
    datasets = [absolute_paths({"dataset": name}).get("dataset", name) for name in _names(given.chain)]
    base = _base(given, datasets)
    refuse_chain(base, datasets)
    for dataset in datasets:
        refuse_early(task_of(base, dataset, None), runs_dir)
    asked = _ASKED | asked
    tell_cost(base, datasets, asked, runs_dir)
    results: list[dict[str, Any]] = []

    def train(spec: RunSpec) -> Run:
        print(f"Task {len(results) + 1} of {len(datasets)}: {plain(spec.dataset)}", file=sys.stderr, flush=True)
        results.append(run(spec, runs_dir=runs_dir))
        return Run(runs_dir / results[-1]["run_id"])

    last = queue_chain(base, datasets, train)[-1]
    result = run(make(ForgettingSpec, run_id=last.id, **asked), runs_dir=runs_dir)
    if result["matrix"] is None:
        raise ThawError(f"The tasks were learned, and their matrix cannot be had. {result['why']['matrix']}")
    if given.json:
        told = [{key: one[key] for key in TRAIN_KEYS if key in one} for one in results]
        print(json.dumps({"matrix": result["matrix"], "runs": told, "forgetting": result}))
    else:
        print(text(result["matrix"]) + f"\nRun {result['run_id']} has more: it asked what the last task's run forgot.")


def text(matrix: Mapping[str, Any]) -> str:
    """R with a row for each task learned, the measures with their formulae, and what must be said."""
    tasks = [f"{place}. {plain(title)}" for place, title in enumerate(matrix["tasks"], start=1)]
    rows = [["before any", *map(_cell, matrix["baselines"])]]
    rows += [[task, *map(_cell, cells)] for task, cells in zip(tasks, matrix["cells"], strict=True)]
    said = [
        [name, value + (f" ({span.replace(' %', '')})" if span and known else ""), formula, what if known else f"{what} {span}"]
        for name, value, span, what, formula in measures(matrix)
        for known in (value != "not defined",)
    ]
    lines = [
        f"What {plain(matrix['strategy'])} left of each task: accuracy on test images, * by a linear probe.",
        "",
        table(rows, ("after learning", *tasks)),
        "",
        plain(matrix_reading(matrix)),
        "",
        table(said, ("measure", "value", "formula", "")),
        "",
        *(f"Note: {plain(note)}" for note in matrix["notes"]),
        f"Runs, in order: {', '.join(matrix['runs'])}.",
    ]
    return "\n".join(lines)


def _base(given: argparse.Namespace, datasets: Sequence[str]) -> RunSpec:
    """What the runs share, with the first dataset."""
    options = {name: value for name, value in vars(given).items() if name in RunSpec.model_fields or name == "set"}
    return run_spec(argparse.Namespace(**{"strategy": "full"} | options | {"dataset": datasets[0] if datasets else ""}))


def _names(given: str) -> list[str]:
    """The tasks in their order; one may come again."""
    return [name.strip() for name in given.split(",") if name.strip()]


def _cell(cell: Mapping[str, Any] | None) -> str:
    return "" if cell is None else f"{percent(cell['value'])}{'*' if cell['how'] == 'probe' else ''}"
