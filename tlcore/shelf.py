"""A shelf: a bounded folder of things that can be made again, each a folder of its own, the least recently used out first.

Whoever makes an entry holds its lock, fills a folder beside it and renames that: a reader sees a whole entry or none, and
two processes that want the same one make it once. An entry that is removed while another process has it mapped into memory
stays readable there until it is closed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlcore.errors import AssetError
from tlcore.files import TEMPORARY_SUFFIX, Lock
from tlcore.progress import Progress

_STALE_SECONDS = 86400.0


@dataclass(frozen=True)
class Shelf:
    """The entries below `folder`, which together take at most `limit_bytes`."""

    folder: Path
    limit_bytes: int
    holds: str  # for messages: "The decoded pictures"
    advice: str  # what to do where there is no room

    def entry(self, key: str) -> Path:
        return self.folder / key

    def entries(self) -> list[Path]:
        """Every whole entry, the least recently used first."""
        found = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                if not folder.name.startswith("."):
                    found.append((folder.stat().st_mtime, folder))
        return [folder for _, folder in sorted(found)]

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(size_of(folder) for folder in self.entries())

    @contextlib.contextmanager
    def alone(self, key: str, progress: Progress, waiting: str) -> Iterator[None]:
        """Hold the lock of the entry `key`; while another process has it, `progress` says `waiting` and may stop the wait."""
        with contextlib.ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(Lock(self.folder / ".locks" / key[:2], timeout_seconds=0.25))
                    break
                except TimeoutError:
                    progress(waiting, 0, 0, "")
            yield

    @contextlib.contextmanager
    def filling(self, target: Path, need: int) -> Iterator[Path]:
        """A folder to fill that becomes `target` on leaving without an error. Raises `AssetError` where the disk is full."""
        aside = target.with_name(f".{target.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir(parents=True)
            yield aside
            os.replace(aside, target)
        except OSError as error:
            raise self.no_room(need, os.strerror(error.errno) if error.errno else str(error)) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def make_room(self, need: int, keep: Collection[Path] = ()) -> None:
        """Drop the least recently used entries, but none of `keep`, until `need` bytes fit below the limit and on the disk.

        Those that another process is adding to go last. Sweeps what killed processes left behind. Raises `AssetError`, and
        drops nothing, where the disk would have no room all the same.
        """
        self._sweep()
        sizes = {folder: size_of(folder) for folder in self.entries()}
        free = free_bytes(self.folder)
        if need > free + sum(size for folder, size in sizes.items() if folder not in keep):
            raise self.no_room(need, f"{free / 1e6:,.0f} MB are free")
        too_much = max(sum(sizes.values()) + need - self.limit_bytes, need - free)
        for folder, size in sorted(sizes.items(), key=lambda entry: _is_filled(entry[0])):
            if too_much > 0 and folder not in keep:
                shutil.rmtree(folder, ignore_errors=True)
                too_much -= size

    def clear(self) -> int:
        """Remove every entry but those that are being filled just now; returns the bytes that they took."""
        self._sweep()
        removed = 0
        for folder in self.entries():
            if _is_filled(folder):
                continue
            removed += size_of(folder)
            shutil.rmtree(folder, ignore_errors=True)
        return removed

    def no_room(self, need: int, why: str) -> AssetError:
        return AssetError(
            f"{self.holds} take {need / 1e6:,.0f} MB and could not be kept in {self.folder}: {why}.", next_step=self.advice
        )

    def _sweep(self) -> None:
        for leftover in self.folder.rglob(f".*{TEMPORARY_SUFFIX}") if self.folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink()


def _is_filled(folder: Path) -> bool:
    """Whether somebody is adding to an entry just now, or was killed while doing so."""
    return any(folder.glob(f".*{TEMPORARY_SUFFIX}"))


def used_now(folder: Path) -> None:
    """Note that an entry was used: it is now the last to be dropped."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(folder)


def allocate(file: Path, shape: tuple[int, ...], dtype: np.dtype | type) -> np.memmap:
    """A new array on disk whose room is reserved first: writing to a hole of a full disk would kill the process."""
    array = np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)
    with open(file, "r+b") as reserved:
        os.posix_fallocate(reserved.fileno(), 0, os.path.getsize(file))
    return array


def size_of(folder: Path) -> int:
    """Bytes of the files below `folder`; one that is removed meanwhile counts for nothing."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(where) / name).lstat().st_size
    return total


def free_bytes(folder: Path) -> int:
    """Room on the disk that `folder` is on, or would be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
