"""What a job wrote into its folder besides its result: arrays, and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from tlcore.figures.layer_pictures import Sheet
from tlcore.figures.layer_seen import source_title
from tlcore.runs import Run


@dataclass(frozen=True)
class Eye:
    """One network: what the job says of what it sees, and the arrays behind it."""

    source: str  # "pretrained", "random", or a run's id
    about: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @property
    def title(self) -> str:
        return source_title(self.source)


def arrays(run: Run, file: str) -> Mapping[str, np.ndarray] | None:
    """The arrays of an `.npz` file of the run's folder; None where it is not there (any more)."""
    path = _inside(run, file)
    return None if path is None else _arrays(str(path), path.stat().st_mtime_ns)


def picture_in(run: Run, file: str) -> np.ndarray | None:
    """The pixels of a picture of the run's folder, uint8 (H, W, 3); None where it is not there (any more)."""
    path = _inside(run, file)
    if path is None:
        return None
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def sheet(run: Run, thumbnails: Mapping[str, Any]) -> Sheet | None:
    """The small copies of all the job's images; None where they are not there."""
    path = _inside(run, thumbnails["file"])
    if path is None:
        return None
    return Sheet(_pixels(str(path), path.stat().st_mtime_ns), thumbnails["side"], thumbnails["columns"])


def forget_arrays() -> None:
    """Let go of all arrays that are kept in memory: a person's picture is forgotten there too."""
    _arrays.clear()


@st.cache_resource(show_spinner=False, max_entries=6)
def _arrays(path: str, _changed: int) -> Mapping[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as saved:
        return dict(saved)


@st.cache_resource(show_spinner=False, max_entries=3)
def _pixels(path: str, _changed: int) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _inside(run: Run, file: str) -> Path | None:
    """The path of a file in the run's folder, whatever a result says it is called."""
    name = PurePosixPath(file)
    path = run.path / name
    return path if not name.is_absolute() and ".." not in name.parts and path.is_file() else None
