"""The maps of an explanation as files: the numbers, and each map over its picture on the scale that all of its method share."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tlcore.errors import DataError
from tlcore.explain.grid import enlarged
from tlcore.explain.methods import METHODS
from tlcore.figures.explain_overlay import exported, overlay
from tlcore.figures.explain_words import caption, provenance, scales
from tlcore.files import write_atomically


def write_files(result: Mapping[str, Any], folder: Path, out: Path) -> list[Path]:
    """Write `maps.npz` and a PNG for each picture, network and layer into `out`; returns what was written.

    `folder` is the explain job's. Raises `DataError` where `out` cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        return list(_written(result, folder, out))
    except OSError as error:
        raise DataError(
            f"The maps cannot be written to {str(out)!r}: {error.strerror or error}.", next_step="Name another folder."
        ) from error


def _written(result: Mapping[str, Any], folder: Path, out: Path) -> list[Path]:
    files = [Path(shutil.copyfile(folder / result["file"], out / "maps.npz"))]
    pictures = [result["picture"]] if result["picture"] else result["images"]
    shared, signed = scales(result), METHODS[result["method"]].signed
    with np.load(folder / result["file"]) as arrays:
        for one in result["maps"]:
            maps = enlarged(arrays[one["key"]], result["image_size"])
            for place, (told, values) in enumerate(zip(pictures, maps, strict=True)):
                with Image.open(folder / told["file"]) as opened:
                    picture = np.asarray(opened.convert("RGB"))
                scale = shared[one["key"]]
                file = out / f"{place:03d}-{_name(one['look'])}{'-' + _name(one['layer']) if one['layer'] else ''}.png"
                write_atomically(
                    file,
                    exported(
                        overlay(picture, values, scale=scale, signed=signed),
                        scale=scale,
                        signed=signed,
                        lines=caption(result, one, place),
                        provenance=provenance(result, one, place),
                    ),
                )
                files.append(file)
    return files


def _name(text: str) -> str:
    """A part of a file's name: nothing but letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
