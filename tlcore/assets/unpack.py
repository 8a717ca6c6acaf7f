"""Takes the wanted files, and nothing else, out of an archive: streamed, capped, verified, never executed."""

from __future__ import annotations

import fnmatch
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from tlcore.assets.record import Asset, Checksum, File, Source
from tlcore.assets.transport import CHUNK
from tlcore.errors import AssetError
from tlcore.progress import Progress

Member = tuple[str, int, Callable[[], IO[bytes]]]  # path in the archive, declared size in bytes, how to open it
_RATIO = 40  # most bytes that may come out of a byte of archive; a bomb has a thousand


def unpack(asset: Asset, source: Source, archive: Path, destination: Path, progress: Progress) -> dict[str, str]:
    """Verify `archive`, take the asset's files out of it into `destination`; returns {path: SHA-256}.

    Raises `AssetError` where a digest differs, a file is missing, a path would leave the folder, or too much comes out.
    """
    if source.digest:
        _verify_archive(asset, source, archive, progress)
    left = _RATIO * archive.stat().st_size + (10 << 20)
    digests: dict[str, str] = {}
    found: set[File] = set()
    what = f"Unpacking {asset.title}"
    try:
        for name, size, opener in _members(archive):
            wanted = next((file for file in asset.files if fnmatch.fnmatchcase(name, file.member)), None)
            if wanted is None:
                continue
            if size > left:
                raise AssetError(f"{asset.title}: {name} unpacks to {size / 1e6:,.0f} MB, far more than expected.")
            path = _safe(asset, wanted.path_of(name))
            with opener() as content:
                digest, written = _copy(content, destination / path, wanted.digest, left)
            if wanted.digest and digest != wanted.digest:
                raise wrong_digest(f"{asset.title}: {name}", wanted.digest, digest, str(source))
            left -= written
            digests[str(path)] = digest
            found.add(wanted)
            progress(what, len(digests), 0, "files")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, RuntimeError) as error:
        raise AssetError(f"{asset.title}: the archive of {source} is damaged ({error}).", next_step="Try again.") from error
    missing = [file.member for file in asset.files if file not in found]
    if missing:
        raise AssetError(f"{asset.title}: {source} does not hold {', '.join(missing)}.", next_step="Look for another version.")
    return digests


def wrong_digest(what: str, expected: str, got: str, source: str) -> AssetError:
    return AssetError(
        f"{what} is not the pinned file: expected the digest {expected}, got {got}. What was fetched has been removed.",
        next_step=f"Try again; if it happens twice, {source} has changed or something on the way alters it: do not use it.",
    )


def _verify_archive(asset: Asset, source: Source, archive: Path, progress: Progress) -> None:
    checksum = Checksum(source.digest)
    done, total = 0, archive.stat().st_size
    with open(archive, "rb") as file:
        while chunk := file.read(CHUNK):
            checksum.update(chunk)
            done += len(chunk)
            progress(f"Verifying {asset.title}", done, total, "bytes")
    if not checksum.agrees():
        raise wrong_digest(asset.title, str(source.digest), checksum.result(), str(source))


def _safe(asset: Asset, path: PurePosixPath) -> PurePosixPath:
    if path.is_absolute() or ".." in path.parts or "\\" in str(path) or not path.parts:
        raise AssetError(f"{asset.title}: the archive names the path {str(path)!r}, which would leave its folder.")
    return path


def _copy(content: IO[bytes], target: Path, pinned: str | None, limit: int) -> tuple[str, int]:
    checksum, written = Checksum(pinned), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as file:
        while chunk := content.read(CHUNK):
            written += len(chunk)
            if written > limit:
                raise AssetError(f"{target.name} unpacks to far more than expected.")
            checksum.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return checksum.result(), written


def _members(archive: Path) -> Iterator[Member]:
    """The regular files of an archive; a file that is no archive is its own and only member."""
    name = archive.name.lower()
    if name.endswith((".whl", ".zip")):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16):
                    yield info.filename, info.file_size, partial(opened.open, info)
    elif name.endswith((".tgz", ".tar.gz")):
        with tarfile.open(archive, "r|gz") as stream:
            for member in stream:
                if member.isreg():
                    yield member.name, member.size, partial(stream.extractfile, member)
    else:
        yield archive.name, archive.stat().st_size, partial(open, archive, "rb")
