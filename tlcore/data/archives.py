"""A person's ZIP into a folder of the cache that is named by the ZIP's content. Nothing is ever written anywhere else.

Only ZIP is read: its index says every name and size before a byte is unpacked. Entries that would leave the folder
(`..`, absolute names, drive letters, links), encrypted entries and bombs are refused with the whole archive; hidden
files and a Mac's `__MACOSX` are left out.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from tlcore.data.listing import digest_of
from tlcore.errors import DataError
from tlcore.files import Lock
from tlcore.progress import Progress, silent
from tlcore.settings import cache_dir

MAX_ENTRIES: Final = 200_000
MAX_BYTES: Final = 20_000_000_000  # unpacked, all entries together
MAX_RATIO: Final = 200  # unpacked to packed; deflate reaches 1,000 on zeros, pictures stay near 1 and bitmaps below 100
FREE_RATIO_BYTES: Final = 1_000_000  # what is smaller may be packed as tightly as it likes

_OTHER_ARCHIVES = {b"7z\xbc\xaf": "7z", b"Rar!": "RAR", b"\x1f\x8b": "gzip or tar.gz", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


def unpack(path: Path, *, progress: Progress = silent) -> Path:
    """Unpack a ZIP once, and return the folder that holds its files.

    Raises `DataError` where the file is no ZIP, is damaged or encrypted, is too large, or has an entry that would be
    written outside the folder; then nothing is left behind.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked(archive, path)
            digest = digest_of(path)
            folder = cache_dir() / "unpacked" / digest[:32]
            with Lock(folder.with_name(f".{folder.name}.lock")):
                if not folder.is_dir():
                    _unpack_once(archive, entries, folder, progress)
            return folder
    except zipfile.BadZipFile as error:
        raise DataError(_not_a_zip(path), next_step="Pack the folder again as a ZIP.") from error
    except (zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"The ZIP {path.name!r} cannot be unpacked: {error}.", next_step="Pack the folder again as a ZIP."
        ) from error
    except OSError as error:
        raise DataError(
            f"The ZIP {path.name!r} cannot be unpacked: {error.strerror or error}.",
            next_step=f"See that the disk of {cache_dir()} has room and may be written to.",
        ) from error


def hidden(parts: tuple[str, ...]) -> bool:
    """Whether a path inside a dataset is one of those that systems leave behind."""
    return any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db", "desktop.ini") for part in parts)


def _not_a_zip(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(300)
    kind = next((name for magic, name in _OTHER_ARCHIVES.items() if start.startswith(magic)), None)
    kind = "tar" if start[257:262] == b"ustar" else kind
    if kind:
        return f"{path.name!r} is a {kind} archive, and only ZIP is read."
    return f"{path.name!r} is not a ZIP, or it is cut off or damaged."


def _checked(archive: zipfile.ZipFile, path: Path) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The entries to unpack, each with its place in the folder, after every entry has been found harmless."""
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise DataError(f"The ZIP {path.name!r} has {len(infos):,} entries; at most {MAX_ENTRIES:,} are read.")
    total = sum(info.file_size for info in infos)
    if total > MAX_BYTES:
        raise DataError(
            f"The ZIP {path.name!r} would unpack to {total / 1e9:,.1f} GB; at most {MAX_BYTES / 1e9:.0f} GB are read.",
            next_step="Make the pictures smaller, or unpack it yourself and give the folder.",
        )
    if _bomb(total, path.stat().st_size):
        raise DataError(_is_a_bomb(path, "it", total), next_step="Pack the pictures themselves.")
    entries = []
    for info in infos:
        place = _place(info, path)
        if info.is_dir() or hidden(place.parts):
            continue
        if info.flag_bits & 1:
            raise DataError(f"The ZIP {path.name!r} is encrypted.", next_step="Pack it again without a password.")
        if _bomb(info.file_size, info.compress_size):
            raise DataError(
                _is_a_bomb(path, f"its entry {info.filename!r}", info.file_size), next_step="Pack the pictures themselves."
            )
        entries.append((info, place))
    return entries


def _bomb(unpacked: int, packed: int) -> bool:
    return unpacked > FREE_RATIO_BYTES and unpacked > MAX_RATIO * packed


def _is_a_bomb(path: Path, what: str, size: int) -> str:
    return f"The ZIP {path.name!r} is refused: {what} unpacks to {size:,} bytes, over {MAX_RATIO} times what it takes packed."


def _place(info: zipfile.ZipInfo, path: Path) -> PurePosixPath:
    name = info.filename.replace("\\", "/")
    place = PurePosixPath(name)
    link = stat.S_ISLNK(info.external_attr >> 16)
    if link or place.is_absolute() or ".." in place.parts or re.match(r"[A-Za-z]:", name):
        what = "is a link" if link else "would be written outside its folder"
        raise DataError(
            f"The ZIP {path.name!r} is refused: its entry {info.filename!r} {what}.",
            next_step="Pack the folder again with plain files and relative names.",
        )
    return place


def _unpack_once(
    archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, PurePosixPath]], folder: Path, progress: Progress
) -> None:
    half_done = folder.with_name(f".{folder.name}.partial")  # under the lock: what is there was left by a killed process
    shutil.rmtree(half_done, ignore_errors=True)
    half_done.mkdir(parents=True)
    try:
        for done, (info, place) in enumerate(entries):
            progress("Unpacking", done, len(entries), "files")
            target = half_done / place
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as source, open(target, "xb") as file:  # stops at the size declared, and checks the CRC
                shutil.copyfileobj(source, file, 1 << 20)
        progress("Unpacking", len(entries), len(entries), "files")
        half_done.rename(folder)
    finally:
        shutil.rmtree(half_done, ignore_errors=True)
