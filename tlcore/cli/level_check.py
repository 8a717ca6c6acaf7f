"""`layers --check`: train from every level on several datasets, and hold the level that was recommended against the best."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlcore import settings
from tlcore.advice.kept import LEVEL_FILE
from tlcore.advice.level_grid import group_of, levels, question
from tlcore.advice.level_regret import Advised, judge_level, summary
from tlcore.advice.regret import Tried
from tlcore.analysis.level import RULE, TUNED_ON
from tlcore.cli.arguments import absolute_paths
from tlcore.cli.lists import label_counts, names
from tlcore.cli.report import table
from tlcore.compare.cost import to_measure
from tlcore.compare.expand import Expansion, expand
from tlcore.compare.known import KnownRuns, made_with
from tlcore.compare.outcomes import outcome_of
from tlcore.compare.pace import Paces
from tlcore.compare.spec import ALL, Budget, Cell, CompareSpec, Setting, seeds_from
from tlcore.data.catalogue import dataset_card
from tlcore.engine import run
from tlcore.errors import SpecError, ThawError
from tlcore.figures.compare_cost import again_words
from tlcore.figures.compare_told import versions
from tlcore.figures.level_regret_words import RULE_NAMES, lost_interval, rule_sentence
from tlcore.figures.words import duration, times
from tlcore.files import write_json
from tlcore.groups import HEAD
from tlcore.made_with import made_how
from tlcore.runs import Run, all_runs
from tlcore.spec import LayersSpec, RunSpec
from tlcore.training.processor import cpu_model, cpu_threads, gpu_name
from tlcore.training.refuse import refuse_early

DATASETS = "digits,chest-xray,traffic-lights,solar-cells"
ALONE = ("seeds", "epochs")  # options that nothing but a check has
USUAL: dict[str, Any] = {
    "dataset": DATASETS,
    "images_per_class": "20,100",
    "backbone": "tf_efficientnet_lite0",
    "image_size": 64,
    "seeds": 1,
    "epochs": RunSpec.model_fields["epochs"].default,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `--check` takes besides the fields of the run, which name several with commas there."""
    group = parser.add_argument_group("how good the recommendation is")
    group.add_argument(
        "--check",
        action="store_true",
        help="train from every level and hold the recommended one against the best; --dataset and --images-per-class then "
        f"take several, with commas, and a dataset its own number after a colon, cifar10:20 (default: {DATASETS}; "
        f"{USUAL['images_per_class']}; {USUAL['image_size']} pixels)",
    )
    for name, words in (("seeds", "how many"), ("epochs", "of each run")):
        group.add_argument(
            f"--{name}",
            type=int,
            default=argparse.SUPPRESS,
            metavar="N",
            help=f"with --check: {words} (default: {USUAL[name]})",
        )


def level_check(given: argparse.Namespace) -> None:
    """Say how long it takes, run what is missing, judge, keep the answer, and print it. Raises `ThawError`."""
    runs_dir = (given.runs_dir or settings.runs_dir()).resolve()
    grids = [_grid(given, *_with_counts(given, name)) for name in names(_asked(given, "dataset"), "--dataset")]
    asked = [(grid, _expanded(grid)) for grid in grids]
    _say_cost(asked, runs_dir)
    _do_all(asked, runs_dir)
    situations = [one for grid, expansion in asked for one in _judged(grid, expansion, runs_dir)]
    apart = [one for one in situations if one["dataset"] not in TUNED_ON]
    answer = {
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": _command(given),
        "versions": versions(),
        "machine": {"processor": cpu_model(), "threads": cpu_threads(), "gpu": gpu_name()},
        "backbone": grids[0].backbones[0],
        "image_size": grids[0].run.image_size,
        "epochs": grids[0].run.epochs,
        "seeds": len(grids[0].seeds),
        "rule": RULE,
        "tuned_on": list(TUNED_ON),
        "situations": situations,
        "summary": summary(situations),
        "summary_apart": summary(apart),
    }
    write_json(runs_dir / LEVEL_FILE, answer)
    print(json.dumps(answer) if given.json else report(answer))


# --- what is asked


def _asked(given: argparse.Namespace, name: str) -> Any:
    return getattr(given, name, USUAL[name])


def _with_counts(given: argparse.Namespace, name: str) -> tuple[str, list[int | None]]:
    """A dataset and its label counts: those of all, or the one that follows its name, as in cifar10:20."""
    dataset, _, own = name.rpartition(":")
    if not dataset or not (own == ALL or own.isdigit()):
        dataset, own = name, _asked(given, "images_per_class")
    return absolute_paths({"dataset": dataset}).get("dataset", dataset), label_counts(own)


def _grid(given: argparse.Namespace, dataset: str, counts: list[int | None]) -> CompareSpec:
    fields = {name: getattr(given, name) for name in ("weights", "device", "seed") if hasattr(given, name)}
    fields |= {name: _asked(given, name) for name in ("backbone", "image_size", "epochs")}
    shared = RunSpec(**fields | absolute_paths(fields) | {"dataset": dataset})
    return CompareSpec(
        datasets=(dataset,),
        backbones=(shared.backbone,),
        strategies=levels(shared.backbone),
        images_per_class=counts,
        seeds=tuple(shared.seed + seed for seed in seeds_from(_asked(given, "seeds"))),
        baseline="linear-probe",
        budget=Budget(amount=shared.epochs),
        run=shared,
    )


def _expanded(grid: CompareSpec) -> Expansion:
    dataset = grid.datasets[0]
    found = expand(grid, {dataset: dataset_card(dataset)}, refuse=refuse_early)
    if found.left_out:
        why = found.left_out[0]
        raise SpecError(f"{dataset}, {why.strategy}: {why.reason}", next_step=why.next_step)
    return found


# --- running


def _say_cost(asked: Sequence[tuple[CompareSpec, Expansion]], runs_dir: Path) -> None:
    """Say before anything is trained how much there is to do, and how long it takes at most."""
    cards = {grid.datasets[0]: dataset_card(grid.datasets[0]) for grid, _ in asked}
    known = KnownRuns(runs_dir)
    missing = [(grid, cell) for grid, expansion in asked for cell in _missing(grid, expansion, known)]
    if not missing:
        _say("Every run is there already and taken as it is.")
        return
    deepest = [grid.run_of(_deepest(grid, cell)) for grid, cell in missing]
    paces = Paces(known, cards)
    unknown = [whole for (grid, cell), whole in zip(missing, deepest, strict=True) if not _pace(paces, grid, cell, whole)]
    for wanted in {one.digest(): one for one in to_measure(unknown, cards, known)}.values():
        _say(f"Measuring how long {Path(wanted.run.dataset).name} takes with all groups unfrozen.")
        run(wanted, runs_dir=runs_dir)
    paces = Paces(KnownRuns(runs_dir), cards)
    found = [(_pace(paces, grid, cell, whole), cell) for (grid, cell), whole in zip(missing, deepest, strict=True)]
    seconds = sum(pace.seconds(cell.epochs) for pace, cell in found if pace)
    rest = "" if all(pace for pace, _ in found) else " That leaves out data whose images nobody has counted."
    _say(f"{times(len(missing), 'run')} to train, at most about {duration(seconds)} on this machine.{rest}")
    old = [known.outdated(grid.run_of(cell)) for grid, cell in missing]
    if again := again_words([made_how(made_with(one.run)) for one in old if one is not None]):
        _say(again)


def _pace(paces: Paces, grid: CompareSpec, cell: Cell, deepest: RunSpec) -> Any:
    """That of the run itself, else of the one with all groups unfrozen, which takes longer."""
    return paces.of(grid.run_of(cell)) or paces.of(deepest)


def _deepest(grid: CompareSpec, cell: Cell) -> Cell:
    return Cell(cell.setting, grid.names[-1], cell.seed, cell.epochs)


def _missing(grid: CompareSpec, expansion: Expansion, known: KnownRuns) -> list[Cell]:
    return [cell for cell in expansion.cells if known.find(grid.run_of(cell), done_only=True) is None]


def _do_all(asked: Sequence[tuple[CompareSpec, Expansion]], runs_dir: Path) -> None:
    known = KnownRuns(runs_dir)
    wanted: list[RunSpec | LayersSpec] = []
    for grid, expansion in asked:
        questions = [question(grid, setting, seed) for setting in grid.settings for seed in grid.seeds]
        wanted += [one for one in questions if _answered(one, runs_dir) is None]
        wanted += [grid.run_of(cell) for cell in _missing(grid, expansion, known)]
    for place, one in enumerate(wanted, start=1):
        _say(f"Run {place} of {len(wanted)}: {one.slug()}")
        run(one, runs_dir=runs_dir)


def _answered(spec: LayersSpec, runs_dir: Path) -> Run | None:
    """The newest finished run that asked exactly that, and was answered by the rule of today."""
    for found in all_runs(runs_dir):
        try:
            if "-layers-" not in found.id or found.spec() != spec or found.status().state != "done":
                continue
            advice = (found.result() or {}).get("recommendation")
            if advice is None or advice.get("rule") == RULE:
                return found
        except (ThawError, OSError):  # of another version, or deleted just now
            continue
    return None


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


# --- judging


def _judged(grid: CompareSpec, expansion: Expansion, runs_dir: Path) -> Iterator[dict[str, Any]]:
    known = KnownRuns(runs_dir)
    for setting in grid.settings:
        advised, told = {}, []
        for seed in grid.seeds:
            answered = _answered(question(grid, setting, seed), runs_dir)
            found = ((answered.result() if answered else None) or {}).get("recommendation")
            if found is None:
                raise SpecError(f"No level can be recommended on {setting.dataset}: some group's numbers are not finite.")
            advised[seed] = Advised(found["group"], found["by_curve"])
            told.append(found)
        tried = {group_of(one): _tried(grid, expansion, known, setting, one.name) for one in grid.strategies}
        first = next(iter(tried[HEAD].outcomes.values()))
        yield {
            "dataset": setting.dataset,
            "images_per_class": setting.images_per_class,
            "images": round(first.per_class * first.classes),
            "test_images": first.images,
            "majority": first.majority,
            "recommendations": told,
        } | judge_level(tried, advised)


def _tried(grid: CompareSpec, expansion: Expansion, known: KnownRuns, setting: Setting, name: str) -> Tried:
    cells = [cell for cell in expansion.cells if (cell.setting, cell.strategy) == (setting, name)]
    val, outcomes = {}, {}
    for cell in cells:
        found = known.find(grid.run_of(cell), done_only=True)
        outcome = None if found is None else outcome_of(found.run)
        if found is None or outcome is None:
            raise SpecError(f"The run {name} on {setting.dataset} cannot be read.", next_step="Run the check again.")
        outcomes[cell.seed] = outcome
        val[cell.seed] = (found.run.result() or {})["val"]["accuracy"]
    return Tried(val, outcomes)


# --- telling


def _command(given: argparse.Namespace) -> str:
    """The command that makes this again."""
    asked = {name: _asked(given, name) for name in USUAL}
    asked |= {name: getattr(given, name) for name in ("seed", "weights") if hasattr(given, name)}
    options = [part for name, value in asked.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    return shlex.join(["python", "-m", "tlcore", "layers", "--check", *options])


def report(answer: dict[str, Any]) -> str:
    """The situations, a line each, and what each rule lost in all, then on the datasets that the rule was not made with."""
    rows = [
        [
            f"{Path(one['dataset']).name}, {one['images']:,} images",
            ", ".join(dict.fromkeys(one["chosen"]["advice"])),
            one["best"],
            *(lost_interval(one["regret"][rule]["accuracy"]) for rule in RULE_NAMES),
        ]
        for one in answer["situations"]
    ]
    lines = [
        "What each lost: points of test accuracy against the level that is best on the validation images.",
        "",
        table(rows, ("situation", "recommended", "best", *RULE_NAMES.values())),
        "",
    ]
    lines += [rule_sentence(rule, found) for rule, found in answer["summary"].items()]
    if answer["summary_apart"]:
        apart = [
            name for name in dict.fromkeys(one["dataset"] for one in answer["situations"]) if name not in answer["tuned_on"]
        ]
        lines += ["", f"On the data that the rule was not made with ({', '.join(apart)}):"]
        lines += [rule_sentence(rule, found) for rule, found in answer["summary_apart"].items()]
    return "\n".join(lines)
