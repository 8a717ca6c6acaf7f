"""The command explain: where a finished run's network looks, on images of its dataset or on a picture of your own."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlcore.cli.arguments import add_spec_options
from tlcore.cli.explain_files import write_files
from tlcore.cli.explain_report import numbers, text
from tlcore.cli.report import plain
from tlcore.cli.runs import find_run, runs_dir_of
from tlcore.data.arriving import DIGEST, arrive, kept
from tlcore.engine import run
from tlcore.errors import DataError, SpecError
from tlcore.explain.forget import forget_picture
from tlcore.explain.looks import FORMAT
from tlcore.figures.words import times
from tlcore.spec import ExplainSpec, make
from tlcore.training.refuse import refuse_early

_BY_HAND = {"run_id", "beside", "ids", "only", "picture", "region"}
_TUPLES = {"beside": "RUN_ID,RUN_ID", "ids": "NAME,NAME", "only": "COLUMN=VALUE,COLUMN=VALUE"}
_KEPT = "Its pixels are kept, so that they can be explained again. To remove them: python -m tlcore forget {digest}{where}"
_USUAL = {"belief": ("deletion", "inside")}  # the command's numbers name them; the page asks for each by a press


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is explained, and where the maps go."""
    fields = ExplainSpec.model_fields
    parser.add_argument("--run", metavar="RUN_ID", help="the finished run to ask")
    parser.add_argument("--image", type=Path, metavar="FILE", help="a picture of your own: PNG, JPEG, TIFF, DICOM and others")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the maps there: as numbers (.npz), and drawn (.png)")
    for name, metavar in _TUPLES.items():
        parser.add_argument(
            f"--{name}", type=_several, default=argparse.SUPPRESS, metavar=metavar, help=fields[name].description
        )
    parser.add_argument(
        "--region",
        type=_numbers,
        default=argparse.SUPPRESS,
        metavar="LEFT,RIGHT,TOP,BOTTOM",
        help=fields["region"].description,
    )
    add_spec_options(parser, ExplainSpec, leave_out=_BY_HAND, title="what is asked")


def _several(given: str) -> tuple[str, ...]:
    """Names with commas between them; one that has a comma itself stands in double quotes, as in CSV."""
    return tuple(name for name in next(csv.reader([given], skipinitialspace=True), ()) if name)


def _numbers(given: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in given.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is not four numbers with commas between them") from None


def explain(given: argparse.Namespace) -> None:
    """Explain here and now, write the files, and print a report or one JSON object."""
    spec = spec_of(given)
    refuse_early(spec, runs_dir_of(given))
    result = run(spec, runs_dir=given.runs_dir)
    files = [] if given.out is None else write_files(result, runs_dir_of(given) / result["run_id"], given.out)
    told = numbers(result) | {"files": [str(file) for file in files]}
    print(json.dumps(told | result) if given.json else text(told | result))
    if spec.picture is not None:  # after all that scrolled by
        print(_KEPT.format(digest=spec.picture, where=_where(given)), file=sys.stderr)


def spec_of(given: argparse.Namespace) -> ExplainSpec:
    """The spec that the options ask for; a picture that is named is read and kept. Raises `SpecError` and `DataError`."""
    options = vars(given)
    if given.run is None:
        raise SpecError("No run was named.", next_step="Name a finished one with --run; see: python -m tlcore list runs")
    fields: dict[str, Any] = {name: options[name] for name in ExplainSpec.model_fields if name in options}
    fields["run_id"] = find_run(given, given.run).id
    fields["beside"] = tuple(find_run(given, one).id for one in fields.get("beside", ()))
    if given.image is not None:
        if "split" in options:
            raise SpecError("--image and --split name two kinds of images.", next_step="Leave one of them out.")
        arrived = arrive(_read(given.image), given.image.name)
        for notice in arrived.notices:
            print(plain(notice), file=sys.stderr)
        usual = {"start": False, "belief": ("deletion",)}  # a start's probe would need the whole dataset
        fields = usual | fields | {"picture": arrived.sha256}
    else:
        fields = _USUAL | fields
    return make(ExplainSpec, **fields)


def forget(given: argparse.Namespace) -> None:
    """Remove a picture that a person brought, and every explanation of it."""
    if not DIGEST.fullmatch(given.picture):
        raise SpecError(
            f"{given.picture!r} is no picture's digest, which has 64 letters and digits.",
            next_step="Take it from what explain --image printed, or from `sha256` of its JSON.",
        )
    there = False
    with contextlib.suppress(DataError):
        kept(given.picture)
        there = True
    jobs = forget_picture(runs_dir_of(given), given.picture)
    if not jobs and not there:
        raise DataError("No such picture is kept here, nor any answer about it.", next_step="There is nothing to do.")
    told = {"picture": given.picture, "answers": jobs, "runs_dir": str(runs_dir_of(given))}
    words = f"The picture is forgotten, and {times(jobs, 'answer')} about it in {plain(told['runs_dir'])}."
    print(json.dumps(told) if given.json else words)


def _where(given: argparse.Namespace) -> str:
    """The option that names the folder of runs, where one was given: its answers lie there."""
    return "" if given.runs_dir is None else f" --runs-dir {shlex.quote(str(given.runs_dir))}"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(
            f"The picture {str(file)!r} cannot be opened: {error.strerror or error}.", next_step="Check its path."
        ) from error


def shown(result: Mapping[str, Any]) -> str:
    """A finished explanation as text, for `show`."""
    if result.get("format") != FORMAT:
        return (
            f"Run {plain(result['run'])} was explained by another version of Thaw, which told it otherwise: explain it again."
        )
    return text(numbers(result) | result)
