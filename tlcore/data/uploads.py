"""What a browser may bring and reach: ZIPs kept under their content's hash, and folders below the data roots alone."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from tlcore.data.archives import hidden
from tlcore.errors import DataError
from tlcore.files import TEMPORARY_SUFFIX, sweep_temporaries
from tlcore.settings import data_roots, uploads_dir

MAX_BYTES: Final = 2_000_000_000
MAX_OFFERED: Final = 500
MAX_DEPTH: Final = 3  # how far below a root folders are offered


def store(name: str, content: bytes | IO[bytes], *, max_bytes: int = MAX_BYTES) -> Path:
    """Keep an uploaded ZIP in the upload folder and return its path; the person's file name serves in messages only.

    The same content is kept once. Raises `DataError` where it is above `max_bytes`, no ZIP, or the disk is full.
    """
    shown = repr(name[-80:])
    folder = uploads_dir()
    digest, size = hashlib.sha256(), 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep_temporaries(folder)
        descriptor, arriving = tempfile.mkstemp(prefix=".", suffix=TEMPORARY_SUFFIX, dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in [content] if isinstance(content, bytes) else iter(lambda: content.read(1 << 20), b""):
                    size += len(chunk)
                    if size > max_bytes:
                        raise DataError(
                            f"{shown} is larger than {max_bytes / 1e6:,.0f} MB, the most that may be uploaded.",
                            next_step="Make the pictures smaller, or put the folder below a data root of the server.",
                        )
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if not zipfile.is_zipfile(arriving):
                raise DataError(f"{shown} is not a whole ZIP.", next_step="Pack your folder of class folders as a ZIP.")
            kept = folder / f"{digest.hexdigest()[:32]}.zip"
            os.replace(arriving, kept)
            return kept
        finally:
            Path(arriving).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"{shown} cannot be kept: {error.strerror or error}.", next_step="See that the disk has room."
        ) from error


def allowed(path: str | Path) -> Path:
    """The real path of a folder or ZIP that a browser asks for.

    Raises `DataError`, in the same words whether it exists or not, where it is not below a data root: by a link or `..` too.
    """
    asked = Path(path)
    refused = DataError(
        f"{str(path)!r} is not in a folder that may be used from the browser.",
        next_step="Choose one of the folders offered, upload a ZIP, or name its parent in THAW_DATA_ROOTS.",
    )
    if ".." in asked.parts or "\0" in str(path) or not asked.is_absolute():
        raise refused
    try:
        real = asked.resolve(strict=True)
    except (OSError, RuntimeError):
        raise refused from None
    if not any(real.is_relative_to(root.resolve()) for root in data_roots()):
        raise refused
    return real


def folders_below_roots() -> list[Path]:
    """The folders and ZIPs below the data roots that may be datasets: at most `MAX_OFFERED`, at most `MAX_DEPTH` deep.

    A folder may be one where it holds two folders, or a CSV. Links are not followed.
    """
    found: list[Path] = []
    for root in data_roots():
        for path in _candidates(root.resolve(), MAX_DEPTH):
            found.append(path)
            if len(found) == MAX_OFFERED:
                return found
    return found


def _candidates(folder: Path, depth: int) -> Iterator[Path]:
    try:
        inside = sorted(path for path in folder.iterdir() if not hidden((path.name,)) and not path.is_symlink())
    except OSError:  # a root that is not there, or may not be read, offers nothing
        return
    below = [path for path in inside if path.is_dir()]
    if folder != uploads_dir() and (len(below) > 1 or any(path.suffix.lower() == ".csv" for path in inside)):
        yield folder
    yield from (path for path in inside if path.suffix.lower() == ".zip" and path.is_file())
    if depth:
        for path in below:
            yield from _candidates(path, depth - 1)
