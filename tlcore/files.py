"""Files that are never half written, and locks that die with their holder.

`write_atomically` replaces a file in one step, so that a reader, or a process killed in the middle, only ever sees the
old content or the new. `Lock` is the kernel's advisory lock (`flock`): it is freed when its holder ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

TEMPORARY_SUFFIX = ".partial"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path`; on leaving without an error it is synced and takes the place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}{TEMPORARY_SUFFIX}")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace `path` with `content` in one step."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, content: object) -> None:
    """Replace `path` with `content` as strict JSON (a NaN is refused: it would not be readable elsewhere)."""
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def sweep_temporaries(folder: Path, *, older_than_seconds: float = 3600.0) -> int:
    """Remove temporary files directly in `folder` that a killed process left behind; returns how many."""
    removed = 0
    for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime > older_than_seconds:
                leftover.unlink()
                removed += 1
    return removed


class Lock:
    """An exclusive lock on a file, as a context manager. The file says the holder's process id; it is never removed.

    `timeout_seconds=None` waits for ever, `0` tries once. Raises `TimeoutError` where the lock could not be had.
    """

    def __init__(self, path: Path, *, timeout_seconds: float | None = None) -> None:
        self.path = path
        self.timeout_seconds = timeout_seconds
        self._descriptor: int | None = None

    def __enter__(self) -> Lock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = None if self.timeout_seconds is None else time.monotonic() + self.timeout_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline is not None and time.monotonic() >= deadline:
                    os.close(descriptor)
                    raise TimeoutError(f"{self.path} is locked by another process") from None
                time.sleep(0.02)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # a process forked meanwhile has a copy, which must not keep it
            os.close(self._descriptor)
            self._descriptor = None


def holder(path: Path) -> int | None:
    """The process id that holds the lock on `path`, or None where nobody does.

    The test takes a shared lock for an instant, so that many readers asking at once never take one another for a holder.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)


def really_holds(process_id: int, path: Path) -> bool:
    """Whether the process with that id has the file at `path` open: a check before it is sent a signal.

    The id in a lock file may belong to another process by now, or be another machine's or container's. Where there is
    no /proc to look in, the file is believed.
    """
    if process_id <= 0:
        return False
    descriptors = Path(f"/proc/{process_id}/fd")
    if not Path("/proc/self/fd").is_dir():
        return True
    wanted = path.stat()
    with contextlib.suppress(OSError):  # the process has ended, or is not ours
        for descriptor in descriptors.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(descriptor.stat(), wanted):
                    return True
    return False
