"""Pictures decoded once: kept below the cache as memory-mapped arrays, named by what they hold, the oldest dropped first."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tlcore.data.card import Framing
from tlcore.data.framing import frame
from tlcore.data.listing import Item
from tlcore.errors import DataError
from tlcore.files import write_json
from tlcore.progress import Progress, silent
from tlcore.settings import cache_dir, decoded_limit_bytes
from tlcore.shelf import Shelf, allocate, used_now

_VERSION: Final = 2  # to be raised when the same file and framing give other pixels, or when an entry holds something else
_CHUNK: Final = 32
KEY_BYTES: Final = 16


@dataclass(frozen=True)
class Decoded:
    """Pictures of one size, in the order of the items that could be read."""

    images: np.ndarray  # uint8 (N, S, S, 3), memory-mapped; writing to it changes the copy in memory alone
    keys: tuple[bytes, ...]  # the digest of each picture's pixels
    kept: tuple[int, ...]  # positions of the items that could be read
    bad: tuple[tuple[int, str], ...]  # position of each other item, and why it could not be read
    oblong: tuple[int, ...]  # positions of the items that are not square


def keys_of(images: np.ndarray) -> tuple[bytes, ...]:
    """The digest (16 bytes) of each picture's pixels; `images` is uint8 (N, S, S, 3)."""
    return tuple(hashlib.blake2b(np.ascontiguousarray(image), digest_size=KEY_BYTES).digest() for image in images)


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
    shelf = _shelf()
    folder = shelf.entry(key)
    found = _open(folder)
    if found or only_cached:
        return found
    with shelf.alone(key, progress, "Waiting for another run that decodes pictures"):
        found = _open(folder)
        if found is None:
            need = len(items) * image_size * image_size * 3
            shelf.make_room(need)
            with shelf.filling(folder, need) as aside:
                _fill(aside, items, image_size, framing, interpolation, progress)
            found = _open(folder)
    assert found is not None
    return found


def _shelf() -> Shelf:
    return Shelf(
        cache_dir() / "decoded",
        decoded_limit_bytes(),
        "The decoded pictures",
        "Free some space, set THAW_CACHE_DIR to another disk, or choose smaller images or fewer per class.",
    )


def _open(folder: Path) -> Decoded | None:
    try:
        facts = json.loads((folder / "facts.json").read_bytes())
        images = np.load(folder / "images.npy", mmap_mode="c")
        keys = (folder / "keys").read_bytes()
    except FileNotFoundError:
        return None
    used_now(folder)
    keys_apart = tuple(keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES))
    return Decoded(images, keys_apart, tuple(facts["kept"]), tuple((i, why) for i, why in facts["bad"]), tuple(facts["oblong"]))


def _fill(
    folder: Path, items: Sequence[Item], image_size: int, framing: Framing, interpolation: str, progress: Progress
) -> None:
    images = allocate(folder / "images.npy", (len(items), image_size, image_size, 3), np.uint8)
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
        images = _compact(images, kept, folder / "images.npy")
    images.flush()
    (folder / "keys").write_bytes(b"".join(keys_of(images)))
    write_json(folder / "facts.json", {"kept": kept, "bad": sorted(reasons.items()), "oblong": sorted(oblong)})


def _compact(images: np.memmap, kept: Sequence[int], file: Path) -> np.memmap:
    """The kept rows alone."""
    aside = file.with_name("compact.npy")
    compact = allocate(aside, (len(kept), *images.shape[1:]), np.uint8)
    for start in range(0, len(kept), _CHUNK):
        compact[start : start + _CHUNK] = images[list(kept[start : start + _CHUNK])]
    os.replace(aside, file)
    return compact
