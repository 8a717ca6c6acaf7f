"""The command export: write a finished run's network to a file, and say what it takes and which lines load it."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlcore.cli.arguments import add_spec_options
from tlcore.cli.report import plain
from tlcore.cli.runs import find_run, runs_dir_of
from tlcore.engine import run
from tlcore.errors import DataError, SpecError
from tlcore.spec import ExportSpec, make


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which run's network, in which format, and where it goes."""
    parser.add_argument("--run", metavar="RUN_ID", help="the finished run whose network it is")
    parser.add_argument("--out", type=Path, metavar="DIR", help="copy the file there; without it, it stays in the job's folder")
    add_spec_options(parser, ExportSpec, leave_out={"run_id"}, title="what is written")


def export(given: argparse.Namespace) -> None:
    """Write the file here and now, and print what it is."""
    if given.run is None:
        raise SpecError("No run was named.", next_step="Name a finished one with --run; see: python -m tlcore list runs")
    fields = {name: value for name, value in vars(given).items() if name in ExportSpec.model_fields}
    result = run(make(ExportSpec, **fields | {"run_id": find_run(given, given.run).id}), runs_dir=given.runs_dir)
    kept = runs_dir_of(given) / result["run_id"] / result["file"]
    path = kept if given.out is None else _copied(kept, given.out)
    print(json.dumps(result | {"path": str(path)}) if given.json else f"{exported(result)}\n\nWritten: {plain(str(path))}")


def _copied(file: Path, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(file, folder / file.name))
    except OSError as error:
        raise DataError(
            f"The file cannot be written to {str(folder)!r}: {error.strerror or error}.", next_step="Name another folder."
        ) from error


def exported(result: Mapping[str, Any]) -> str:
    """What was written, for `show` too."""
    side = result["image_size"]
    lines = [
        f"The network of run {result['run']}, {result['backbone']}: {result['file']} in the folder of run {result['run_id']}",
        f"({result['bytes']:,} bytes, SHA-256 {result['sha256']}).",
        "",
        f"It takes RGB images of {side} x {side} pixels. {result['scale']}",
        f"It answers, in this order: {plain(', '.join(result['classes']))}.",
    ]
    if checked := result.get("checked"):
        lines.append(
            f"On {checked['images']} pictures ({checked['on']}) its logits are at most "
            f"{checked['largest_difference']:.1g} from the original's, and {checked['same_answers']} answers are the same."
        )
    return "\n".join([*lines, "", result["load"]])
