"""From the arguments to an exit code: 0, 1 for what went wrong, 2 for what was asked wrongly, 130 for Ctrl-C."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import tlcore
from tlcore.cli import (
    advice_regret,
    bench,
    cache,
    catalogues,
    compare,
    diagnose,
    explain,
    exported,
    forgetting,
    jobs,
    layers,
    runs,
    show,
    transferability,
)
from tlcore.cli.arguments import add_spec_options
from tlcore.engine.execute import as_thaw_error
from tlcore.errors import ThawError
from tlcore.spec import CheckSpec, RunSpec

INTERRUPTED = 130
_END = (
    "Exit codes: 0, 1 when something failed, 2 when the request was wrong, 130 on Ctrl-C. With --json the last line of "
    'stdout is one JSON object or list; after a failure it is {"error": {"type", "message", "next_step"}}, and the same '
    "sentences are on stderr. Progress is on stderr. THAW_DEBUG=1 shows tracebacks."
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tlcore", description=tlcore.__doc__.splitlines()[0], epilog=_END, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=tlcore.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, call: object, sentence: str, *, runs_dir: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=sentence, description=sentence, epilog=_END, allow_abbrev=False)
        made.set_defaults(call=call, known=made._option_string_actions)
        made.add_argument("--json", action="store_true", help="print JSON as the last line of stdout")
        if runs_dir:
            made.add_argument(
                "--runs-dir", type=Path, metavar="DIR", help="the folder of runs (default: THAW_RUNS_DIR, ./runs)"
            )
        return made

    add_spec_options(command("train", jobs.train, "Train, and measure on the test split."), RunSpec)
    add_spec_options(command("measure", jobs.measure, "Show a training's plan and time it on this machine."), RunSpec)
    dial = "Ask every level what training from there up gives on a few images."
    add_spec_options(command("dial", jobs.dial, dial), RunSpec)
    shift = "Measure how far a dataset is from everyday photographs, as the backbone sees them."
    add_spec_options(command("shift", jobs.shift, shift), RunSpec)
    find_rate = "Suggest a learning rate: raise it from step to step until the loss diverges."
    add_spec_options(command("find-rate", jobs.find_rate, find_rate), RunSpec)
    asks = "Ask each layer group what it knows of a task, and from which level to unfreeze."
    layers.add_options(command("layers", layers.layers, asks))
    forgot = "Ask what a finished run forgot, where, and what brings it back; or save a point on the way there."
    forgetting.add_options(command("forgetting", forgetting.forgetting, forgot))
    looks = "Show where a finished run's network looks, beside others, and what speaks for believing it."
    explain.add_options(command("explain", explain.explain, looks))
    taken = "Write a finished run's network to a file that plain timm, or any ONNX runtime, reads."
    exported.add_options(command("export", exported.export, taken))
    gone = "Forget a picture that you brought: its pixels and every answer about it, of all runs."
    command("forget", explain.forget, gone).add_argument("picture", metavar="DIGEST", help="as explain names it")
    check = command("check", jobs.check, "Look for faults in a dataset.")
    check.add_argument("dataset", help=RunSpec.model_fields["dataset"].description)
    add_spec_options(check, CheckSpec, title="what to do")

    compare.add_options(command("compare", compare.compare, "Compare strategies on the same data, seeds and budget."))
    regret = "Hold the advice of the Start page against the best of all strategies, by running them."
    advice_regret.add_options(command("advice-regret", advice_regret.advice_regret, regret))

    yosinski = "Ask how well each layer of a small network serves other classes, by training it here (Yosinski et al. 2014)."
    transferability.add_options(command("transferability", transferability.transferability, yosinski))

    listed = command("list", catalogues.list_catalogue, "List what there is to choose from, or the runs.")
    listed.add_argument("what", choices=catalogues.LISTS)
    fetch = command("fetch", catalogues.fetch_names, "Fetch weights and images into the cache beforehand.", runs_dir=False)
    fetch.add_argument("names", nargs="+", metavar="NAME", help="a catalogued backbone or dataset")

    cached = "Show what frozen layers computed and is kept, or remove it."
    cache.add_options(command("cache", cache.cache, cached, runs_dir=False))
    bench.add_options(command("bench", bench.bench, "Time this engine beside the trainers that people use.", runs_dir=False))

    shown = command("show", show.show, "Show where a run stands, and its result; or a comparison as it stands now.")
    shown.add_argument("run_id", metavar="ID", help="of a run, or of a comparison")
    for name, call, sentence in (
        ("diagnose", diagnose.diagnose_run, "Say what went wrong in a run, as far as it has come, and what to change."),
        ("cancel", runs.cancel, "Stop a run."),
        ("resume", runs.resume, "Queue a lost run again; it goes on from its checkpoint."),
    ):
        command(name, call, sentence).add_argument("run_id", metavar="RUN_ID")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask and return the exit code. Never shows a traceback, unless THAW_DEBUG=1."""
    parser = build_parser()
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{_meant(unknown, given.known)}")
    try:
        given.call(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("error: Interrupted; the run is cancelled.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if os.environ.get("THAW_DEBUG", "") not in ("", "0"):
            raise
        return _refuse(as_thaw_error(error), as_json=given.json)
    return 0


def _meant(unknown: Sequence[str], known: Collection[str]) -> str:
    """Which options were perhaps meant."""
    asked = [word.partition("=")[0] for word in unknown if word.startswith("--")]
    close = [name for word in asked for name in difflib.get_close_matches(word, known, n=1)]
    return f". Did you mean {', '.join(close)}?" if close else ""


def _refuse(error: ThawError, *, as_json: bool) -> int:
    print(f"error: {error.message}", file=sys.stderr)
    if error.next_step:
        print(error.next_step, file=sys.stderr)
    if as_json:
        print(json.dumps({"error": error.as_dict()}), flush=True)
    return error.exit_code
