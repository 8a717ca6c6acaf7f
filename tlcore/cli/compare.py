"""The command `compare`: a grid of runs here and now, what is there already taken as it is, and the table that they make."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlcore import settings
from tlcore.cli.arguments import absolute_paths, add_spec_options
from tlcore.cli.lists import label_counts, names
from tlcore.cli.report import plain
from tlcore.cli.report import table as columns
from tlcore.compare.cost import cost, to_measure, unpaced
from tlcore.compare.expand import Expansion, expand
from tlcore.compare.folder import Comparison, create, same
from tlcore.compare.known import KnownRuns
from tlcore.compare.outcomes import METRICS, fill
from tlcore.compare.pace import Paces
from tlcore.compare.spec import ALL, Budget, Cell, CompareSpec, seeds_from
from tlcore.data.card import DatasetCard
from tlcore.data.catalogue import DATASETS, dataset_card
from tlcore.data.sources import listing, split_listing
from tlcore.engine import run
from tlcore.engine.at_once import Ended, run_at_once
from tlcore.errors import Cancelled, SpecError, ThawError
from tlcore.figures.compare_cost import cost_words
from tlcore.figures.compare_told import MAJORITY, told
from tlcore.figures.compare_words import number, p_words, signed
from tlcore.figures.plan_words import meant_with
from tlcore.figures.words import duration, short_count, times
from tlcore.spec import RunSpec
from tlcore.strategies import STRATEGIES
from tlcore.strategies.variant import variant
from tlcore.training.refuse import refuse_early

_CONTROL = "random-features"
_GRID = ("kind", "dataset", "backbone", "strategy", "images_per_class", "seed", "epochs")  # given by options of their own


def add_options(parser: argparse.ArgumentParser) -> None:
    """The grid, then what all of its runs share."""
    grid = parser.add_argument_group("what to compare (several: with commas)")
    grid.add_argument("--dataset", required=True, metavar="NAMES", help=f"of: {', '.join(DATASETS)}; or paths")
    grid.add_argument(
        "--strategies",
        default="linear-probe,last-group,full",
        metavar="NAMES",
        help=f"all, or of: {', '.join(STRATEGIES)}; with settings after a colon: full:rates.body_lr_mult=0.01",
    )
    grid.add_argument("--backbones", default="tf_efficientnet_lite0", metavar="NAMES", help="catalogued, or any of timm's")
    grid.add_argument("--images-per-class", default=ALL, metavar="N,N,all", help="how many training images (default: all)")
    grid.add_argument("--seeds", default="3", metavar="N", help="how many, or a list: 0,1,7 (default: 3)")
    grid.add_argument("--baseline", metavar="NAME", help="what the others are held against (default: linear-probe)")
    grid.add_argument("--metric", default="accuracy", choices=METRICS, metavar="|".join(METRICS))
    budget = grid.add_mutually_exclusive_group()
    budget.add_argument("--budget-epochs", metavar="N", help="the same for every run (default: 5)")
    budget.add_argument("--budget-steps", metavar="N", help="optimizer steps, rounded to whole epochs for each run")
    budget.add_argument(
        "--budget-seconds", metavar="N", help="training time, turned into whole epochs by each run's measured pace"
    )
    grid.add_argument(
        "--random-features",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="add random features, the control that every table should have",
    )
    grid.add_argument(
        "--at-once",
        default="1",
        metavar="N",
        help="runs at a time, which share the processor's cores: small runs end sooner so (default: 1)",
    )
    add_spec_options(parser, RunSpec, leave_out=_GRID)


def compare(given: argparse.Namespace) -> None:
    """Run what is missing, then tell. A run that fails is told of and does not stop the others."""
    runs_dir = (given.runs_dir or settings.runs_dir()).resolve()
    spec, at_once = compare_spec(given), _at_once(given.at_once)
    cards = {name: _counted(name, spec) for name in spec.datasets}
    _measure(spec, cards, runs_dir)
    known = KnownRuns(runs_dir)
    paces = Paces(known, cards)
    expansion = expand(spec, cards, paces, refuse_early)
    for name, reason in dict.fromkeys((one.strategy, f"{one.reason} {one.next_step}") for one in expansion.left_out):
        _say(f"Left out: {name}. {reason}")
    for name in spec.names:
        if fields := spec.own(name):
            _say(f"{name}: {meant_with(fields)}")
    comparison = same(runs_dir, spec, expansion) or create(runs_dir, spec, expansion)
    _say(f"{times(len(expansion.cells), 'run')}: {cost_words(cost(spec, expansion.cells, known, paces))}")
    comparison.adopt()
    _run_all(comparison, spec, expansion, runs_dir, at_once)
    answer = told(comparison, given.metric)
    print(json.dumps(answer) if given.json else report(answer))


def compare_spec(given: argparse.Namespace) -> CompareSpec:
    """The comparison that the options ask for. Raises `SpecError`."""
    datasets = [absolute_paths({"dataset": name}).get("dataset", name) for name in names(given.dataset, "--dataset")]
    asked = names(given.strategies, "--strategies")
    strategies = list(STRATEGIES) if ALL in asked else asked
    if given.random_features and _CONTROL not in strategies:
        strategies.append(_CONTROL)
    baseline = given.baseline or ("linear-probe" if "linear-probe" in strategies else strategies[0])
    if baseline not in strategies:
        strategies.insert(0, baseline)
    fields = {name: value for name, value in vars(given).items() if name in RunSpec.model_fields and name not in _GRID}
    return CompareSpec(
        datasets=datasets,
        backbones=names(given.backbones, "--backbones"),
        strategies=strategies,
        images_per_class=label_counts(given.images_per_class),
        seeds=_seeds(given.seeds),
        baseline=variant(baseline).name,
        budget=_budget(given),
        run=RunSpec(**fields | absolute_paths(fields) | {"dataset": datasets[0]}),
    )


def _run_all(comparison: Comparison, spec: CompareSpec, expansion: Expansion, runs_dir: Path, at_once: int) -> None:
    here = fill(comparison.read(), runs_dir)
    cells = [one.entry.cell for one in here if one.outdated or one.state not in ("done", "queued", "running")]
    failed: list[ThawError] = []
    for cell, ended in (_one_by_one if at_once == 1 else _several)(spec, cells, runs_dir, at_once):
        if isinstance(ended, Cancelled):
            _say("This run was cancelled from elsewhere; the others go on.")
        elif isinstance(ended, ThawError):
            failed.append(ended)
            _say(f"It failed: {ended}")
        else:
            comparison.assign(cell, ended["run_id"])
    if failed and len(failed) == len(expansion.cells):
        raise failed[0]


def _one_by_one(spec: CompareSpec, cells: Sequence[Cell], runs_dir: Path, _at_once: int) -> Iterator[tuple[Cell, Ended]]:
    """Each with its bars."""
    for place, cell in enumerate(cells, start=1):
        _say(f"Run {place} of {len(cells)}: {_cell_words(cell)}")
        try:
            yield cell, run(spec.run_of(cell), runs_dir=runs_dir)
        except ThawError as error:
            yield cell, error


def _several(spec: CompareSpec, cells: Sequence[Cell], runs_dir: Path, at_once: int) -> Iterator[tuple[Cell, Ended]]:
    """A line for each that has ended: bars of several would write over each other."""
    _say(f"{times(len(cells), 'run')}, {at_once} at once")
    specs = [spec.run_of(cell) for cell in cells]
    for done, (place, ended) in enumerate(run_at_once(specs, runs_dir=runs_dir, processes=at_once), start=1):
        _say(f"{done} of {len(cells)} ended: {_cell_words(cells[place])}")
        yield cells[place], ended


def _measure(spec: CompareSpec, cards: dict[str, DatasetCard], runs_dir: Path) -> None:
    """Measure every pace that a budget in seconds needs and nobody knows."""
    known = KnownRuns(runs_dir)
    for wanted in to_measure(unpaced(spec, Paces(known, cards)), cards, known):
        _say(f"Measuring {wanted.run.strategy.name} on {wanted.run.backbone}, to know what the budget buys.")
        try:
            run(wanted, runs_dir=runs_dir)
        except ThawError as error:  # it cannot run here: it is left out with its own words soon
            _say(f"It cannot be measured: {error}")


def _counted(name: str, spec: CompareSpec) -> DatasetCard:
    """A dataset's card; of one's own data the pictures are counted where the budget needs it, none is decoded."""
    card = dataset_card(name)
    if card.images is not None or spec.budget.unit == "epochs":
        return card
    found = split_listing(card, listing(name, labels=spec.run.labels, image_size=spec.run.image_size))
    splits = Counter(item.split for item in found.items)
    return replace(card, images={split: splits[split] for split in ("train", "val", "test")}, classes=found.classes)


def _budget(given: argparse.Namespace) -> Budget:
    for unit in ("epochs", "steps", "seconds"):
        if (amount := getattr(given, f"budget_{unit}")) is not None:
            return Budget(unit=unit, amount=amount)
    return Budget()


def _at_once(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:4]) <= (os.cpu_count() or 1):
        raise SpecError(
            f"--at-once takes a whole number from 1 to {os.cpu_count() or 1}, this machine's cores, not {plain(text)!r}.",
            next_step="Leave it out for one run after the other.",
        )
    return int(text)


def _seeds(text: str) -> tuple[int, ...]:
    many = names(text, "--seeds")
    if wrong := [one for one in many if not one.isascii() or not one.isdigit() or len(one) > 9]:
        raise SpecError(f"--seeds takes whole numbers, not {wrong[0]!r}.", next_step="Say how many, as 3, or which, as 0,1,7.")
    return tuple(map(int, many)) if "," in text else seeds_from(int(many[0]))


def _cell_words(cell: Cell) -> str:
    labels = f"{cell.setting.images_per_class} per class" if cell.setting.images_per_class else "all images"
    name = Path(cell.setting.dataset).name
    return f"{cell.strategy} on {name}, {cell.setting.backbone}, {labels}, seed {cell.seed}, {times(cell.epochs, 'epoch')}"


def report(answer: Mapping[str, Any]) -> str:
    """The table, a row for each strategy in each setting, and the sentences that read it."""
    metric = answer["metric"]
    by_cell = {_key(one): one for one in answer["differences"]}
    lines = []
    for row in answer["table"]:
        gap = by_cell.get(_key(row))
        interval = "" if row["low"] is None else f"{number(metric, row['low'])} to {number(metric, row['high'])}"
        where = [Path(row["dataset"]).name, row["backbone"], str(row["images_per_class"] or ALL)]
        control = row["strategy"] == MAJORITY
        lines.append(
            [
                *where,
                row["strategy"],
                number(metric, row["mean"]),
                "" if row["sd"] is None else number(metric, row["sd"]),
                interval,
                "" if control else str(len(row["seeds"])),
                "" if gap is None else signed(metric, gap["mean"]),
                "" if gap is None or gap["low"] is None else f"{signed(metric, gap['low'])} to {signed(metric, gap['high'])}",
                "" if gap is None else p_words(gap["p_holm"]),
                "" if control else short_count(row["trainable_params"]),
                "" if control else duration(row["seconds"]),
            ]
        )
    heads = ("dataset", "backbone", "per class", "strategy", metric, "sd", "95 % interval", "seeds")
    heads += (f"minus {answer['baseline']}", "95 % interval", "p (Holm)", "parameters", "time")
    failed = [f"Failed: {one['strategy']}, seed {one['seed']}. {one['error']}" for one in answer["cells"] if "error" in one]
    end = f"Comparison {answer['comparison']}."
    return "\n".join([columns(lines, heads), "", *answer["sentences"], *failed, end])


def _key(record: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(record[name] for name in ("dataset", "backbone", "images_per_class", "strategy"))


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
