"""The command `advice-regret`: run every candidate in every situation, and hold the advice against the best of them."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlcore import settings
from tlcore.advice.kept import FILE
from tlcore.advice.regret import CANDIDATES, Tried, judge, summary
from tlcore.advice.situation import Situation, compute_of, shift_of, size_of
from tlcore.cli.lists import label_counts, names
from tlcore.cli.report import table
from tlcore.compare.expand import Expansion, expand
from tlcore.compare.known import KnownRuns, made_with
from tlcore.compare.outcomes import outcome_of
from tlcore.compare.spec import Budget, CompareSpec, Setting, seeds_from
from tlcore.data.catalogue import DATASETS, dataset_card
from tlcore.engine import run
from tlcore.errors import SpecError, ThawError
from tlcore.figures.compare_cost import again_words
from tlcore.figures.compare_told import versions
from tlcore.figures.guide_words import lost
from tlcore.files import write_json
from tlcore.made_with import made_how
from tlcore.runs import Run, all_runs
from tlcore.spec import RunSpec, ShiftSpec
from tlcore.training.processor import cpu_model, cpu_threads, gpu_name
from tlcore.training.refuse import refuse_early

_DEFAULT_DATASETS = "digits,traffic-lights,chest-xray"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--datasets",
        default=_DEFAULT_DATASETS,
        metavar="NAMES",
        help=f"of: {', '.join(name for name, card in DATASETS.items() if not card.refusal)} (default: {_DEFAULT_DATASETS})",
    )
    parser.add_argument("--images-per-class", default="10,50", metavar="N,N,all", help="label counts (default: 10,50)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many (default: 1)")
    parser.add_argument("--epochs", type=int, default=8, metavar="N", help="of every run (default: 8)")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0", metavar="NAME", help="(default: tf_efficientnet_lite0)")
    parser.add_argument("--image-size", type=int, default=64, metavar="N", help="in pixels (default: 64)")
    parser.add_argument(
        "--strategies", default=",".join(CANDIDATES), metavar="NAMES", help=f"candidates (default: {','.join(CANDIDATES)})"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.json", help=f"where to keep it (default: {FILE} among the runs)")


def advice_regret(given: argparse.Namespace) -> None:
    """Run what is missing, judge, keep the answer, and print it."""
    runs_dir = (given.runs_dir or settings.runs_dir()).resolve()
    specs = [_grid(given, dataset) for dataset in names(given.datasets, "--datasets")]
    grids = [(spec, expand(spec, {spec.run.dataset: dataset_card(spec.run.dataset)}, refuse=refuse_early)) for spec in specs]
    _do_all(grids, runs_dir)
    known = KnownRuns(runs_dir)
    situations = [one for spec, expansion in grids for one in _judged(spec, expansion, known, runs_dir)]
    if not situations:
        raise SpecError("None of the candidates can run in any of these situations.", next_step="Ask for more epochs.")
    answer = {
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": _command(given),
        "versions": versions(),
        "machine": {"processor": cpu_model(), "threads": cpu_threads(), "gpu": gpu_name()},
        "backbone": given.backbone,
        "image_size": given.image_size,
        "epochs": given.epochs,
        "seeds": given.seeds,
        "left_out": sorted({f"{one.strategy}: {one.reason}" for _, expansion in grids for one in expansion.left_out}),
        "situations": situations,
        "summary": summary(situations),
    }
    write_json(given.out or runs_dir / FILE, answer)
    print(json.dumps(answer) if given.json else report(answer))


def _grid(given: argparse.Namespace, dataset: str) -> CompareSpec:
    strategies = names(given.strategies, "--strategies")
    return CompareSpec(
        datasets=(dataset,),
        backbones=(given.backbone,),
        strategies=strategies,
        images_per_class=label_counts(given.images_per_class),
        seeds=seeds_from(given.seeds),
        baseline=strategies[0],
        budget=Budget(amount=given.epochs),
        run=RunSpec(dataset=dataset, backbone=given.backbone, image_size=given.image_size, epochs=given.epochs),
    )


def _do_all(grids: list[tuple[CompareSpec, Expansion]], runs_dir: Path) -> None:
    known = KnownRuns(runs_dir)
    wanted: list[RunSpec | ShiftSpec] = []
    again: list[str] = []
    for spec, expansion in grids:
        wanted += [shift] if _shift_run(shift := _shift_spec(spec), runs_dir) is None else []
        runs = [one for cell in expansion.cells if known.find(one := spec.run_of(cell), done_only=True) is None]
        again += [made_how(made_with(old.run)) for one in runs if (old := known.outdated(one)) is not None]
        wanted += runs
    if again:
        _say(again_words(again))
    for place, one in enumerate(wanted, start=1):
        _say(f"Run {place} of {len(wanted)}: {one.slug()}")
        run(one, runs_dir=runs_dir)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _shift_spec(spec: CompareSpec) -> ShiftSpec:
    asked = spec.run
    return ShiftSpec(run=RunSpec(dataset=asked.dataset, backbone=spec.backbones[0], image_size=asked.image_size))


def _shift_run(spec: ShiftSpec, runs_dir: Path) -> Run | None:
    """The newest finished measurement of exactly that."""
    for found in all_runs(runs_dir):
        try:
            if "-shift-" in found.id and found.spec() == spec and found.status().state == "done":
                return found
        except (ThawError, OSError):  # of another version, or deleted just now
            continue
    return None


def _judged(spec: CompareSpec, expansion: Expansion, known: KnownRuns, runs_dir: Path) -> Iterator[dict[str, Any]]:
    measured = _shift_run(_shift_spec(spec), runs_dir)
    shift = (measured.result() if measured else None) or {}
    compute = compute_of(cpu_threads(), gpu=gpu_name() is not None)
    for setting in spec.settings:
        runs = {name: _runs(spec, expansion, known, setting, name) for name in spec.names}
        tried = {name: _tried(by_seed) for name, by_seed in runs.items() if by_seed}
        if not tried:
            continue
        first = next(run for by_seed in runs.values() for run in by_seed.values())
        images = _result(first)["data"]["images"]["train"]
        situation = Situation(size_of(images), shift_of(shift["shift"]), compute)
        yield {
            "dataset": setting.dataset,
            "images_per_class": setting.images_per_class,
            "images": images,
            "shift": {name: shift[name] for name in ("shift", "low", "high")},
            "situation": dict(situation.__dict__),
        } | judge(situation, tried)


def _runs(spec: CompareSpec, expansion: Expansion, known: KnownRuns, setting: Setting, name: str) -> dict[int, Run]:
    """The finished runs of a strategy in a setting, by seed."""
    cells = [cell for cell in expansion.cells if (cell.setting, cell.strategy) == (setting, name)]
    found = {cell.seed: known.find(spec.run_of(cell), done_only=True) for cell in cells}
    return {seed: one.run for seed, one in found.items() if one is not None}


def _tried(by_seed: dict[int, Run]) -> Tried:
    outcomes = {seed: outcome for seed, run in by_seed.items() if (outcome := outcome_of(run)) is not None}
    return Tried({seed: _result(by_seed[seed])["val"]["accuracy"] for seed in outcomes}, outcomes)


def _result(run: Run) -> dict[str, Any]:
    return run.result() or {}


def _command(given: argparse.Namespace) -> str:
    """The command that makes this again."""
    names = ("datasets", "images_per_class", "seeds", "epochs", "backbone", "image_size", "strategies")
    options = [part for name in names for part in (f"--{name.replace('_', '-')}", str(getattr(given, name)))]
    return shlex.join(["python", "-m", "tlcore", "advice-regret", *options])


def report(answer: dict[str, Any]) -> str:
    """The situations, a line each, and what the advice lost beside the two simple rules."""
    rows = [
        [
            f"{one['dataset']}, {one['images']:,} images",
            f"{one['situation']['size']}, {one['situation']['shift']} shift ({one['shift']['shift']:.2f})",
            one["advised"],
            one["best"],
            *(_lost(one["regret"][rule]["accuracy"]) for rule in answer["summary"]),
        ]
        for one in answer["situations"]
    ]
    rules = {"advice": "lost by the advice", "linear-probe": "by probing", "full": "by full fine-tuning"}
    lines = [table(rows, ("situation", "is", "advised", "best", *(rules[rule] for rule in answer["summary"]))), ""]
    for rule, found in answer["summary"].items():
        lines.append(
            f"{rule}: within noise of the best in {found['right']} of {found['of']}; {lost(found['mean_regret'])} of test "
            f"accuracy on average, {lost(found['worst_regret'])} at worst."
        )
    return "\n".join([*lines, *(f"Left out: {reason}" for reason in answer["left_out"])])


def _lost(regret: dict[str, Any]) -> str:
    between = "" if regret["low"] is None else f" ({100 * regret['low']:.1f} to {100 * regret['high']:.1f})"
    return f"{100 * regret['value']:.1f}{between}"
