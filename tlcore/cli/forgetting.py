"""The command forgetting: what a finished run forgot and what brings it back; or a point on its way, saved as a model."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from tlcore.cli import group_report
from tlcore.cli.chain import add_chain_options, chain, stray
from tlcore.cli.chain import text as matrix_text
from tlcore.cli.forgetting_options import asked, point
from tlcore.cli.report import plain, table
from tlcore.cli.runs import find_run
from tlcore.engine import run
from tlcore.errors import SpecError
from tlcore.figures.words import duration
from tlcore.spec import BlendSpec, ForgettingSpec, make

_FIELDS = ForgettingSpec.model_fields


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is asked of a run, or at which point of its way it is saved."""
    parser.add_argument("--run", metavar="RUN_ID", help="the finished run to ask about")
    parser.add_argument(
        "--source",
        default=argparse.SUPPRESS,
        metavar="NAMES",
        help=f"{_FIELDS['sources'].description} (default: all: {', '.join(_FIELDS['sources'].default)})",
    )
    for name in ("images", "points", "relearn_steps"):
        default, words = _FIELDS[name].default, _FIELDS[name].description
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, default=argparse.SUPPRESS, metavar="N", help=f"{words} (default: {default})")
    parser.add_argument("--save", metavar="A", help="only save this point of the way as a model: 0 the start, 1 the run")
    words = BlendSpec.model_fields["batchnorm"].description
    parser.add_argument("--batchnorm", metavar="HOW", help=f"with --save. {words} (default: interpolated)")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu or cuda (default: auto)")
    add_chain_options(parser)


def forgetting(given: argparse.Namespace) -> None:
    """Ask, or save, here and now, and print tables or one JSON object."""
    if given.chain is not None:
        if given.run is not None or given.save is not None:
            raise SpecError("--chain trains runs of its own.", next_step="Leave --run and --save out, or the chain.")
        chain(given, asked(given))
        return
    if options := stray(given):
        raise SpecError(f"{', '.join(options)}: only a chain trains.", next_step="Add --chain, or leave them out.")
    if given.run is None:
        raise SpecError("No run was named.", next_step="Name a finished one with --run; see: python -m tlcore list runs")
    if given.save is not None:
        fields = point(given)
        result = run(make(BlendSpec, run_id=find_run(given, given.run).id, **fields), runs_dir=given.runs_dir)
        print(json.dumps(result) if given.json else saved(result))
        return
    if given.batchnorm is not None:
        raise SpecError("--batchnorm belongs to --save: the job itself does both.", next_step="Leave it out, or save a point.")
    fields = asked(given)
    spec = make(ForgettingSpec, run_id=find_run(given, given.run).id, **fields)
    result = run(spec, runs_dir=given.runs_dir)
    print(json.dumps(result) if given.json else text(result))


def saved(result: Mapping[str, Any]) -> str:
    """Where the model is, and how to load it."""
    head = (
        f"The network at a = {result['a']:g} of run {result['run']}, BatchNorm {result['batchnorm']}: {result['file']} in the "
        f"folder of run {result['run_id']} ({result['bytes']:,} bytes, SHA-256 {result['sha256']})."
    )
    return f"{head}\n\n{result['load']}"


def text(result: Mapping[str, Any]) -> str:
    """The two numbers of each source; the way; what each group brings back; lost classes; relearning; what must be said."""
    task = f"{result['strategy']} of {result['backbone']} on {plain(result['dataset'])}"
    lines = [f"What {task} forgot (run {result['run']}).", ""]
    rows = [
        [plain(one["title"]), one["measure"], _metric(one["before"]), _metric(one["after"]), _metric(one["lost"]), _knn(one)]
        for one in result["sources"].values()
    ]
    if rows:
        lines += [table(rows, ("source", "measure", "before", "after", "lost", "k-NN before, after")), ""]
    target = result["target"]
    if target["after"]:
        before = f"; on the start's features {_metric(target['before'])}" if target["before"] else ""
        lines += [f"Target, by the run's head: {_metric(target['after'])}{before}.", ""]
    for one in result["sources"].values():
        lines += _of_source(one, result)
    lines += _best(result) + _again(result["relearn"]) + group_report.text(result["groups"])
    if result["matrix"] is not None:
        lines += [matrix_text(result["matrix"]), ""]
    lines += [f"Note: {plain(notice)}" for notice in result["notices"]]
    cost = f"{result['images_looked_at']:,} images passed through the network"
    asked = f"{cost}, {duration(result['seconds'])} on {result['device']}."
    return "\n".join([*lines, asked, f"Run {result['run_id']}."])


def _of_source(one: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    lines = []
    if one["path"]:
        heads = [(mode, whose, values[mode]) for mode in one["path"] for whose, values in _whose(one, result) if mode in values]
        rows = [[f"{a:.2f}", *(f"{values[at]:.3f}" for _, _, values in heads)] for at, a in enumerate(result["points"])]
        lines += [f"{plain(one['title'])}: (1 - a) start + a run", ""]
        lines += [table(rows, ("a", *(f"{whose}, {mode}" for mode, whose, _ in heads))), ""]
    if one["restore"]:
        keys = ("source", "returned", "paid")
        rows = [[name, *(_metric(back[key]) for key in keys)] for name, back in one["restore"].items()]
        lines += [table(rows, ("put back", "source then", "returned", "target pays")), ""]
    fallen = [entry for entry in one["classes"] if entry["after"] < entry["before"]]
    if fallen:
        said = [f"{plain(c['name'])} {c['before']:.0%} to {c['after']:.0%} of {c['images']}" for c in _worst_first(fallen)[:5]]
        lines += [f"Classes that lost most: {'; '.join(said)}.", ""]
    lines += [plain(words) for words in dict.fromkeys(one["why"].values())]
    return lines


def _whose(one: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    return ("source", one["path"]), ("target", result["target"]["path"])


def _worst_first(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(classes, key=lambda entry: entry["after"] - entry["before"])


def _best(result: Mapping[str, Any]) -> list[str]:
    best = result["path_best"]
    if best is None:
        return []
    return [
        f"Best on the target with at least {best['floor']:.3f} of the source: a = {best['a']:.2f} "
        f"(source {best['source_value']:.3f}, target {best['target_value']:.3f}). Save it with --save {best['a']:g}.",
        "",
    ]


def _again(relearn: Mapping[str, Any] | None) -> list[str]:
    if relearn is None:
        return []
    curves = relearn["curves"]
    rows = [[str(step), *(f"{curve[at]:.3f}" for curve in curves.values())] for at, step in enumerate(relearn["steps"])]
    return [table(rows, ("steps on CIFAR-10", *(f"from {start}" for start in curves))), ""]


def _metric(metric: Mapping[str, Any] | None) -> str:
    if metric is None or metric["value"] is None:
        return "unknown"
    interval = "" if metric.get("low") is None else f" ({metric['low']:.3f} to {metric['high']:.3f})"
    return f"{metric['value']:.3f}{interval}"


def _knn(one: Mapping[str, Any]) -> str:
    return f"{one['knn']['before']['value']:.3f}, {one['knn']['after']['value']:.3f}" if one["knn"] else ""
