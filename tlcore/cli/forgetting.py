"""The command forgetting: what a finished run forgot and what brings it back; or a point on its way, saved as a model."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path

from tlcore.cli.chain import add_chain_options, chain, stray
from tlcore.cli.forgetting_cost import cost_words
from tlcore.cli.forgetting_options import asked, point
from tlcore.cli.forgetting_report import text
from tlcore.cli.forgetting_saved import saved
from tlcore.cli.runs import find_run, runs_dir_of
from tlcore.engine import run
from tlcore.errors import SpecError, ThawError
from tlcore.runs import finished_training
from tlcore.spec import BlendSpec, ForgettingSpec, make
from tlcore.training.refuse import refuse_early

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
        print(json.dumps(result) if given.json else saved(result, runs_dir_of(given)))
        return
    if given.batchnorm is not None:
        raise SpecError("--batchnorm belongs to --save: the job itself does both.", next_step="Leave it out, or save a point.")
    fields = asked(given)
    spec = make(ForgettingSpec, run_id=find_run(given, given.run).id, **fields)
    refuse_early(spec, runs_dir_of(given))
    _tell_cost(spec, runs_dir_of(given))
    result = run(spec, runs_dir=given.runs_dir)
    print(json.dumps(result) if given.json else text(result))


def _tell_cost(spec: ForgettingSpec, runs_dir: Path) -> None:
    """One line beforehand, where people read and programs do not."""
    _, about, found = finished_training(runs_dir, spec.run_id)
    with contextlib.suppress(ThawError):  # a run behind it is gone: the job says so, and looks at nothing
        print(cost_words(spec, about, found, runs_dir), file=sys.stderr, flush=True)
