"""A point that was saved as a model: where it is, what it takes, and how it is loaded or trained further."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlcore.cli.report import plain


def saved(result: Mapping[str, Any], runs_dir: Path) -> str:
    """Where the model of a blend job in `runs_dir` is, and what a person must know who gives it an image."""
    file = runs_dir / result["run_id"] / result["file"]
    look, side = result["preprocessing"], result["image_size"]
    mean, std = (", ".join(f"{value:g}" for value in look[name]) for name in ("mean", "std"))
    return "\n".join(
        [
            f"The network at a = {result['a']:g} of run {result['run']}, BatchNorm {result['batchnorm']}:",
            f"{file} ({result['bytes']:,} bytes, SHA-256 {result['sha256']}).",
            "",
            f"It takes RGB images of {side} x {side} pixels, less the mean {mean} and divided by {std} "
            "(of values from 0 to 1).",
            f"It answers, in this order: {plain(', '.join(result['classes']))}.",
            "",
            result["load"].replace(repr(result["file"]), repr(str(file))),
            "",
            "To train from it: python -m tlcore train --dataset NAME "
            f"--backbone {shlex.quote(result['backbone'])} --weights {shlex.quote(str(file))}",
        ]
    )
