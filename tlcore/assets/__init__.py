"""Pinned files, fetched once: verified, unpacked, never executed. No torch.

Each asset has a folder of its own below the cache, named by what is pinned. It is filled aside and put in place in one
step, so that it is either absent or whole; its `LICENCE.txt` travels with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tlcore.assets.record import Asset, Download, File, Npm, Source, Wheel
from tlcore.assets.transport import DISK_ERRORS, obtain
from tlcore.assets.unpack import unpack
from tlcore.errors import AssetError
from tlcore.files import Lock, holder, write_json
from tlcore.progress import Progress, silent
from tlcore.settings import cache_dir, offline

__all__ = ["Asset", "Download", "File", "Npm", "Wheel", "fetch", "folder_of", "is_here"]

_MANIFEST: Final = "manifest.json"  # {"source": …, "files": {path: {"digest": …, "size": bytes}}}
_LICENCE: Final = "LICENCE.txt"
_STALE_SECONDS: Final = 7 * 86400.0


def folder_of(asset: Asset) -> Path:
    """Where the asset is kept, fetched or not."""
    return _assets_dir() / asset.key()


def is_here(asset: Asset) -> bool:
    """Whether the asset is in the cache, whole: every file that its manifest names, at its size."""
    folder = folder_of(asset)
    try:
        files = json.loads((folder / _MANIFEST).read_bytes())["files"]
        return all((folder / path).stat().st_size == facts["size"] for path, facts in files.items())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return False


def fetch(asset: Asset, *, progress: Progress = silent) -> Path:
    """The folder with the asset's verified files, fetched on first use.

    Several processes may ask at once: one fetches, the others wait. Raises `AssetError`, and whatever `progress` raises to
    stop; what is left then is at most a partial download, which the next attempt goes on from.
    """
    if is_here(asset):
        return folder_of(asset)
    try:
        with _turn(asset, progress):
            if not is_here(asset):
                _sweep(asset)
                _fetch(asset, progress)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        shutil.rmtree(_staging(asset), ignore_errors=True)
        raise AssetError(
            f"{asset.title} could not be kept in {cache_dir()}: {os.strerror(error.errno)}.",
            next_step="Free some space or set THAW_CACHE_DIR to a folder that can be written to, then try again.",
        ) from error
    return folder_of(asset)


def _fetch(asset: Asset, progress: Progress) -> None:
    if offline():
        raise AssetError(
            f"{asset.title} is not in the cache ({cache_dir()}), and the network is switched off.",
            next_step="Unset THAW_OFFLINE, or copy the cache folder from a machine that has it.",
        )
    staging = _staging(asset)
    staging.mkdir(parents=True, exist_ok=True)
    _check_space(asset)
    failures: list[AssetError] = []
    for source in asset.sources:
        try:
            _fetch_from(source, asset, staging, progress)
            return
        except AssetError as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    raise AssetError(" ".join(error.message for error in failures), next_step=failures[-1].next_step)


def _fetch_from(source: Source, asset: Asset, staging: Path, progress: Progress) -> None:
    try:
        archive = obtain(asset, source, staging, progress)
    except BaseException:  # refused, or stopped by the person who watches
        _clear(staging, but_partial=True)
        raise
    filling = staging / "filling"
    shutil.rmtree(filling, ignore_errors=True)
    filling.mkdir()
    try:
        digests = unpack(asset, source, archive, filling, progress)
        (filling / _LICENCE).write_text(_licence(asset, source))
        files = {path: {"digest": digest, "size": (filling / path).stat().st_size} for path, digest in digests.items()}
        write_json(filling / _MANIFEST, {"source": str(source), "files": files})
        shutil.rmtree(folder_of(asset), ignore_errors=True)  # only where it was there and damaged
        os.replace(filling, folder_of(asset))
    finally:  # whole, wrong or stopped: the archive is of no more use once it has been opened
        shutil.rmtree(staging, ignore_errors=True)


def _licence(asset: Asset, source: Source) -> str:
    return f"{asset.title} ({asset.name} {asset.version})\nFrom: {source}\nLicence: {asset.licence}\n\n{asset.attribution}\n"


def _check_space(asset: Asset) -> None:
    need, free = 3 * asset.size_bytes, shutil.disk_usage(cache_dir()).free  # the archive, its copy by pip, its content
    if free < need:
        raise AssetError(
            f"{asset.title} needs {need / 1e6:,.0f} MB of disk while it is fetched; "
            f"{cache_dir()} has {free / 1e6:,.0f} MB free.",
            next_step="Free some space or set THAW_CACHE_DIR to another disk.",
        )


# --- whose turn it is, and what is swept


def _assets_dir() -> Path:
    return cache_dir() / "assets"


def _staging(asset: Asset) -> Path:
    return _assets_dir() / f".staging-{asset.key()}"


def _lock_file(key: str) -> Path:
    return _assets_dir() / ".locks" / key


@contextlib.contextmanager
def _turn(asset: Asset, progress: Progress) -> Iterator[None]:
    lock = Lock(_lock_file(asset.key()), timeout_seconds=0.25)
    while True:
        try:
            lock.__enter__()
            break
        except TimeoutError:
            progress(f"Waiting for another process that fetches {asset.title}", 0, 0, "")
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _clear(staging: Path, *, but_partial: bool) -> None:
    for path in staging.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif not (but_partial and path.suffix == ".partial"):
            path.unlink()
    with contextlib.suppress(OSError):
        staging.rmdir()  # only where nothing is left in it


def _sweep(asset: Asset) -> None:
    """Remove what killed processes left behind: at once for this asset, after a week for others."""
    for staging in _assets_dir().glob(".staging-*"):
        key = staging.name.removeprefix(".staging-")
        if key == asset.key():
            _clear(staging, but_partial=True)
        elif time.time() - staging.stat().st_mtime > _STALE_SECONDS and holder(_lock_file(key)) is None:
            shutil.rmtree(staging, ignore_errors=True)
