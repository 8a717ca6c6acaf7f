"""Pictures decoded once: kept below the cache as memory-mapped arrays, named by what they hold, the oldest dropped first."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tlcore.data.card import Framing
from tlcore.data.framing import frame
from tlcore.data.listing import Item
from tlcore.errors import AssetError, DataError
from tlcore.files import Lock, write_json
from tlcore.progress import Progress, silent
from tlcore.settings import cache_dir, decoded_limit_bytes

_VERSION: Final = 1  # to be raised when the same file and framing give other pixels
_CHUNK: Final = 32
_STALE_SECONDS: Final = 86400.0


@dataclass(frozen=True)
class Decoded:
    """Pictures of one size, in the order of the items that could be read."""

    images: np.ndarray  # uint8 (N, S, S, 3), memory-mapped; writing to it changes the copy in memory alone
    kept: tuple[int, ...]  # positions of the items that could be read
    bad: tuple[tuple[int, str], ...]  # position of each other item, and why it could not be read
    oblong: tuple[int, ...]  # positions of the items that are not square


def decode_all(
    items: Sequence[Item],
    *,
    image_size: int,
    framing: Framing,
    interpolation: str,
    only_cached: bool = False,
    progress: Progress = silent,
) -> Decoded | None:
    """The pictures of `items`, decoded on first use and read from the cache afterwards.

    None where `only_cached` and they are not in the cache. A picture that cannot be read is left out and named in `bad`.
    Raises `AssetError` where the disk is too full to keep them.
    """
    recipe = [_VERSION, image_size, framing, interpolation, [item.digest for item in items]]
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:40]
    folder = _decoded_dir() / key
    found = _open(folder)
    if found or only_cached:
        return found
    with contextlib.ExitStack() as stack:
        _await(stack, _decoded_dir() / ".locks" / key[:2], progress)
        found = _open(folder)
        if found is None:
            _make_room(len(items) * image_size * image_size * 3)
            _fill(folder, items, image_size, framing, interpolation, progress)
            found = _open(folder)
    assert found is not None
    return found


def _decoded_dir() -> Path:
    return cache_dir() / "decoded"


def _open(folder: Path) -> Decoded | None:
    try:
        facts = json.loads((folder / "facts.json").read_bytes())
        images = np.load(folder / "images.npy", mmap_mode="c")
        os.utime(folder)  # used just now
    except FileNotFoundError:
        return None
    return Decoded(images, tuple(facts["kept"]), tuple((i, why) for i, why in facts["bad"]), tuple(facts["oblong"]))


def _await(stack: contextlib.ExitStack, lock_file: Path, progress: Progress) -> None:
    while True:
        try:
            stack.enter_context(Lock(lock_file, timeout_seconds=0.25))
            return
        except TimeoutError:
            progress("Waiting for another run that decodes pictures", 0, 0, "")


def _fill(
    folder: Path, items: Sequence[Item], image_size: int, framing: Framing, interpolation: str, progress: Progress
) -> None:
    filling = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(filling, ignore_errors=True)
    filling.mkdir(parents=True)
    try:
        images = _allocate(filling / "images.npy", (len(items), image_size, image_size, 3))
        reasons: dict[int, str] = {}
        oblong: list[int] = []

        def fill(start: int) -> int:
            stop = min(start + _CHUNK, len(items))
            for i in range(start, stop):
                try:
                    picture = items[i].read()
                    images[i] = np.asarray(frame(picture, image_size, framing, interpolation))
                    if picture.width != picture.height:
                        oblong.append(i)
                except DataError as error:
                    reasons[i] = error.message
            return stop - start

        done = 0
        with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
            try:
                for chunk in as_completed([pool.submit(fill, start) for start in range(0, len(items), _CHUNK)]):
                    done += chunk.result()
                    progress("Decoding pictures", done, len(items), "images")
            finally:
                pool.shutdown(cancel_futures=True)  # where progress said to stop
        kept = [i for i in range(len(items)) if i not in reasons]
        if reasons:
            images = _compact(images, kept, filling / "images.npy")
        images.flush()
        write_json(filling / "facts.json", {"kept": kept, "bad": sorted(reasons.items()), "oblong": sorted(oblong)})
        os.replace(filling, folder)
    except OSError as error:
        raise _no_room(
            len(items) * image_size * image_size * 3, os.strerror(error.errno) if error.errno else str(error)
        ) from error
    finally:
        shutil.rmtree(filling, ignore_errors=True)


def _allocate(file: Path, shape: tuple[int, ...]) -> np.memmap:
    """A new array on disk whose room is reserved first: writing to a hole of a full disk would kill the process."""
    images = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
    with open(file, "r+b") as reserved:
        os.posix_fallocate(reserved.fileno(), 0, os.path.getsize(file))
    return images


def _compact(images: np.memmap, kept: Sequence[int], file: Path) -> np.memmap:
    """The kept rows alone."""
    aside = file.with_name("compact.npy")
    compact = _allocate(aside, (len(kept), *images.shape[1:]))
    for start in range(0, len(kept), _CHUNK):
        compact[start : start + _CHUNK] = images[list(kept[start : start + _CHUNK])]
    os.replace(aside, file)
    return compact


def _make_room(need: int) -> None:
    """Drop the least recently used arrays until `need` bytes fit below the limit, and what killed processes left behind."""
    ages: list[tuple[float, int, Path]] = []
    for folder in _decoded_dir().iterdir() if _decoded_dir().is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - folder.stat().st_mtime
            if folder.name.endswith(".partial") and age > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
            elif not folder.name.startswith("."):
                ages.append((age, (folder / "images.npy").stat().st_size, folder))
    used = sum(size for _, size, _ in ages)
    for _, size, folder in sorted(ages, reverse=True):
        if used + need <= decoded_limit_bytes():
            break
        shutil.rmtree(folder, ignore_errors=True)  # whoever has it open keeps it until they close it
        used -= size
    free = shutil.disk_usage(cache_dir()).free if cache_dir().exists() else need
    if free < need:
        raise _no_room(need, f"{free / 1e6:,.0f} MB are free")


def _no_room(need: int, why: str) -> AssetError:
    return AssetError(
        f"The decoded pictures take {need / 1e6:,.0f} MB and could not be kept in {cache_dir()}: {why}.",
        next_step="Free some space, set THAW_CACHE_DIR to another disk, or choose smaller images or fewer per class.",
    )
