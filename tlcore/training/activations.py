"""Activations kept on disk: what a frozen prefix makes of a picture, found again by what it depends on.

An entry is one (prefix, cut, view): its name is the digest of all that its rows depend on besides the picture. Its rows lie
in segments, each the rows that one run had to compute, and are found by the digest of the picture's own pixels. So a run
with more images, another seed or another split takes what is there and adds what is missing. No torch: pages look at it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.data.decoded import KEY_BYTES
from tlcore.files import write_json
from tlcore.progress import Progress
from tlcore.settings import activations_dir, activations_limit_bytes
from tlcore.shelf import Shelf, allocate, size_of, used_now


def shelf() -> Shelf:
    """Where activations are kept, by the settings as they are now."""
    return Shelf(
        activations_dir(),
        activations_limit_bytes(),
        "The activations of the frozen layers",
        "Free some space, set THAW_ACTIVATIONS_DIR to another disk, or train without the cut (cut: off).",
    )


@dataclass(frozen=True)
class Rows:
    """Rows of one entry, in the order in which they were asked for; the arrays behind them are memory-mapped."""

    segments: tuple[np.memmap, ...]
    segment: np.ndarray  # int (N,): which segment
    row: np.ndarray  # int (N,): which row of it

    def take(self, indices: np.ndarray) -> np.ndarray:
        """The rows at `indices`, a copy in memory."""
        segment, row = self.segment[indices], self.row[indices]
        if len(self.segments) == 1:
            return self.segments[0][row]
        out = np.empty((len(indices), *self.segments[0].shape[1:]), self.segments[0].dtype)
        for place, array in enumerate(self.segments):
            chosen = segment == place
            if chosen.any():
                out[chosen] = array[row[chosen]]
        return out

    def __len__(self) -> int:
        return len(self.row)

    @property
    def folders(self) -> list[str]:
        """Where the rows lie, as `entry/segment` below the shelf: what is made again lies in a folder of another name."""
        return ["/".join(Path(array.filename).parts[-3:-1]) for array in self.segments if array.filename is not None]


@dataclass(frozen=True)
class Entry:
    """One entry of the shelf. `recipe` says in plain data what its rows depend on; its digest is the entry's name."""

    recipe: dict[str, Any]
    weights: str = ""  # where they came from, for people: the recipe has the tensors' digest

    @property
    def key(self) -> str:
        return hashlib.sha256(json.dumps(self.recipe, sort_keys=True).encode()).hexdigest()[:40]

    @property
    def folder(self) -> Path:
        return shelf().entry(self.key)

    def missing(self, keys: Sequence[bytes]) -> np.ndarray:
        """The positions of the pictures that have no row yet; of equal pictures the first alone."""
        there = set(self._index()[1])
        seen: set[bytes] = set()
        positions = []
        for place, key in enumerate(keys):
            if key not in there and key not in seen:
                positions.append(place)
                seen.add(key)
        return np.array(positions, dtype=np.int64)

    def rows(self, keys: Sequence[bytes]) -> Rows | None:
        """The rows of the pictures with these keys, or None where one of them is missing."""
        segments, where = self._index()
        if not all(key in where for key in keys):  # not computed yet, or dropped since
            return None
        found = np.array([where[key] for key in keys], dtype=np.int64).reshape(-1, 2)
        used = sorted(set(found[:, 0].tolist()))
        used_now(self.folder)
        return Rows(tuple(segments[place] for place in used), np.searchsorted(used, found[:, 0]), found[:, 1])

    @contextlib.contextmanager
    def alone(self, progress: Progress) -> Iterator[None]:
        """Hold the entry's lock, so that what is missing is computed once."""
        with shelf().alone(self.key, progress, "Waiting for another run that computes the frozen layers"):
            yield

    @contextlib.contextmanager
    def adding(self, keys: Sequence[bytes], shape: Sequence[int], dtype: np.dtype | type) -> Iterator[np.ndarray]:
        """An array (len(keys), *shape) to fill; on leaving without an error its rows belong to the entry."""
        need = len(keys) * int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "about.json").exists():
            write_json(self.folder / "about.json", self.recipe | {"weights": self.weights})
        with shelf().filling(self.folder / f"segment-{uuid.uuid4().hex[:12]}", need) as aside:
            rows = allocate(aside / "rows.npy", (len(keys), *shape), dtype)
            yield rows
            rows.flush()
            (aside / "keys.bin").write_bytes(b"".join(keys))

    def count(self, served: int, computed: int) -> None:
        """Add to the numbers of rows that runs found here and that they had to compute."""
        if (self.folder / "about.json").exists():  # not dropped since
            use = _use(self.folder)
            write_json(self.folder / "use.json", {"served": use["served"] + served, "computed": use["computed"] + computed})

    def _index(self) -> tuple[list[np.memmap], dict[bytes, tuple[int, int]]]:
        """The segments' rows, memory-mapped, and where the row of each picture is: (segment, row).

        A segment that cannot be read, after a power cut or on a bad disk, is removed: its rows are computed again.
        """
        segments: list[np.memmap] = []
        where: dict[bytes, tuple[int, int]] = {}
        for folder in sorted(self.folder.glob("segment-*")):
            try:
                rows, keys = _read(folder)
            except FileNotFoundError:  # just being dropped by another process
                continue
            except (ValueError, EOFError):
                shutil.rmtree(folder, ignore_errors=True)
                continue
            where |= {key: (len(segments), row) for row, key in enumerate(keys)}
            segments.append(rows)
        return segments, where


def _read(segment: Path) -> tuple[np.memmap, list[bytes]]:
    """A segment's rows and their keys. Raises `ValueError` or `EOFError` where they are not whole or do not belong together."""
    content = (segment / "keys.bin").read_bytes()
    rows = np.load(segment / "rows.npy", mmap_mode="r")
    if len(content) != len(rows) * KEY_BYTES:
        raise ValueError(f"{len(rows)} rows and {len(content)} bytes of keys")
    return rows, [content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES)]


def still_there(folders: Sequence[str]) -> bool:
    """Whether rows that lay in these `folders` (`Rows.folders`) are all still on the shelf."""
    return all((shelf().folder / name).is_dir() for name in folders)


@dataclass(frozen=True)
class Kept:
    """One entry as a person sees it."""

    backbone: str
    weights: str  # "random", a package, a hub's repository, a file's name; empty where nobody said
    cut: str
    view: str
    precision: str
    image_size: int
    images: int
    bytes: int
    served: int  # rows that runs found here
    computed: int  # rows that runs had to compute
    last_used: float  # seconds since 1970


def kept() -> list[Kept]:
    """Everything on the shelf, the most recently used first."""
    found = []
    for folder in reversed(shelf().entries()):
        with contextlib.suppress(FileNotFoundError, KeyError, ValueError):
            about = json.loads((folder / "about.json").read_bytes())
            images = sum(file.stat().st_size // KEY_BYTES for file in folder.glob("segment-*/keys.bin"))
            words = {name: about[name] for name in ("backbone", "cut", "view", "precision", "image_size")}
            words["weights"] = about.get("weights", "")
            found.append(Kept(**words, images=images, bytes=size_of(folder), last_used=folder.stat().st_mtime, **_use(folder)))
    return found


def _use(folder: Path) -> dict[str, int]:
    try:
        use = json.loads((folder / "use.json").read_bytes())
        return {"served": int(use["served"]), "computed": int(use["computed"])}
    except (FileNotFoundError, KeyError, ValueError):
        return {"served": 0, "computed": 0}
