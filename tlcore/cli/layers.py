"""The command layers: what each layer group knows of a task, by where its weights come from, and which level to unfreeze."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tlcore import settings
from tlcore.analysis.layers_time import estimate
from tlcore.cli import level_check
from tlcore.cli.arguments import add_spec_options, run_spec
from tlcore.cli.report import plain, table
from tlcore.engine import run
from tlcore.errors import SpecError, ThawError
from tlcore.figures.layers_probe import has_intervals, intervals_words
from tlcore.figures.layers_words import headline, time_words
from tlcore.runs import all_runs
from tlcore.spec import LayersSpec, RunSpec, make

_OF_THE_RUN = {"backbone", "weights", "dataset", "labels", "image_size", "images_per_class", "device", "seed"}
_ASKED = set(LayersSpec.model_fields) - {"kind", "run", "runs"}
_SCORES = (("logme", "LogME"), ("hscore", "H-score"))


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is asked of the layers, and the fields of the run that count."""
    runs = LayersSpec.model_fields["runs"].description
    parser.add_argument("--run", action="append", default=[], metavar="RUN_ID", help=f"{runs} May be given again.")
    add_spec_options(parser, LayersSpec, leave_out={"run", "runs"}, title="what is asked of the layers")
    level_check.add_options(parser)
    add_spec_options(parser, RunSpec, leave_out=set(RunSpec.model_fields) - _OF_THE_RUN)


def layers(given: argparse.Namespace) -> None:
    """Ask, here and now, and print a table or one JSON object; or check how good the recommendation is."""
    if given.check:
        _nothing_else(given)
        level_check.level_check(given)
        return
    if alone := [name for name in level_check.ALONE if hasattr(given, name)]:
        raise SpecError(
            f"--{alone[0]} belongs to --check: nothing is trained here.", next_step=f"Add --check, or leave out --{alone[0]}."
        )
    asked = {name: value for name, value in vars(given).items() if name in _ASKED}
    spec = make(LayersSpec, run=run_spec(given), runs=tuple(given.run), **asked)
    if (found := estimate(spec, _earlier(given.runs_dir or settings.runs_dir()))) is not None:
        print(time_words(found), file=sys.stderr, flush=True)
    result = run(spec, runs_dir=given.runs_dir)
    print(json.dumps(result) if given.json else text(result))


def _earlier(runs_dir: Path) -> Iterator[tuple[LayersSpec, Mapping[str, Any]]]:
    """(spec, result) of each analysis that is done, the newest first."""
    for one in all_runs(runs_dir):
        with suppress(ThawError, OSError):  # a run of another version, or deleted just now, tells nothing
            asked = one.spec()
            if isinstance(asked, LayersSpec) and one.status().state == "done" and (result := one.result()) is not None:
                yield asked, result


def _nothing_else(given: argparse.Namespace) -> None:
    """Refuse what a check would pass over in silence."""
    if stray := [*(["run"] if given.run else []), *(name for name in _ASKED if name in given)]:
        raise SpecError(
            f"--{stray[0]} plays no part in a check: it asks what the recommendation needs, and trains every level.",
            next_step=f"Leave out --{stray[0]}, or --check.",
        )


def text(result: Mapping[str, Any]) -> str:
    """The table of the groups, from bottom to top, and what it comes to."""
    sources = list(result["weights"])
    metric = result["rank"]["with"]
    rows = [
        [group["name"], *(_cell(group, source, metric) for source in sources), *_scores(group)] for group in result["groups"]
    ]
    named = [source for source in sources if source not in ("pretrained", "random")]
    short = {source: f"run {named.index(source) + 1}" if source in named else source for source in sources}
    heads = ("group", *(f"{short[source]}, {metric.replace('_', ' ')}" for source in sources), *(word for _, word in _SCORES))
    images = result["images"]
    lines = [table(rows, heads), ""]
    lines += [f"{short[source]}: {plain(words)}" for source, words in result["weights"].items()]
    lines.append(
        f"Probed on {images['train']:,} training images, the penalty chosen on {images['val']:,}, measured on "
        f"{images['test']:,} test images; {intervals_words(result, metric)}.{_more_images(result, metric)} Always naming the "
        f"largest class: {result['majority_baseline']:.3f} accuracy."
    )
    ranks = [f"{word} {result['rank'][score]:+.2f}" for score, word in _SCORES if result["rank"][score] is not None]
    if ranks:
        lines.append(f"Rank correlation with the probe over {result['rank']['groups']} groups: {', '.join(ranks)}.")
    advice = result["recommendation"]
    if advice is not None:
        lines += ["", headline(advice), *advice["evidence"]]
    lines += [f"Note: {plain(notice)}" for notice in result["notices"]]
    return "\n".join([*lines, f"Run {result['run_id']}."])


def _more_images(result: Mapping[str, Any], metric: str) -> str:
    """The way to intervals, where there are none and fewer images were asked about than usual."""
    usual = LayersSpec.model_fields["images"].default
    if has_intervals(result, metric) or sum(result["images"].values()) >= usual:
        return ""
    return f" To have them, ask with --images {usual}."


def _cell(group: Mapping[str, Any], source: str, metric: str) -> str:
    probed = group["probe"].get(source)
    if probed is None or probed[metric]["value"] is None:
        return "undefined"
    found = probed[metric]
    return f"{found['value']:.3f}" + ("" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})")


def _scores(group: Mapping[str, Any]) -> list[str]:
    first = [next(iter(group[score].values()), None) for score, _ in _SCORES]
    return ["undefined" if value is None else f"{value:.3f}" for value in first]
