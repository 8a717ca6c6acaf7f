"""The worker's place in a folder of runs: is there one, is it of this code, start it, wake it.

.worker/lock         held by the worker for its life       .worker/about.json   its process id and code
.worker/wake         a FIFO: a byte wakes it at once       .worker/log.txt      what it says
.worker/present      held, shared, by every process that may still submit something
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tlcore
from tlcore.engine.jobs import CATALOGUE
from tlcore.files import holder, really_holds
from tlcore.settings import PATIENT_THREADS

FOLDER = ".worker"
_LOG_BYTES = 1_000_000  # a longer log is begun anew

_starting = threading.Lock()
_started: dict[Path, subprocess.Popen[bytes]] = {}  # the last one for each folder
_unreaped: list[subprocess.Popen[bytes]] = []  # all that may still run, so that none becomes a zombie
_present: dict[Path, int] = {}


@dataclass(frozen=True)
class Options:
    """What a worker is started with."""

    grace_seconds: float = 10.0  # from asking a run to stop to killing it
    idle_seconds: float = 600.0  # without a queue and without a server, the worker ends after this long
    catalogue: str = CATALOGUE  # the module that names the jobs; only a test names another

    def arguments(self) -> list[str]:
        return [f"--grace-seconds={self.grace_seconds}", f"--idle-seconds={self.idle_seconds}", f"--jobs={self.catalogue}"]


def code_digest() -> str:
    """A digest of the code on disk: the version, and each source file's name, size and time."""
    root = Path(tlcore.__file__).parent
    digest = hashlib.sha256(tlcore.__version__.encode())
    for file in sorted(root.rglob("*.py")):
        with contextlib.suppress(FileNotFoundError):
            stat = file.stat()
            digest.update(f"{file.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def find(runs_dir: Path) -> int | None:
    """The process id of the worker of this folder, or None where there is none."""
    return holder(runs_dir / FOLDER / "lock")


def ensure(runs_dir: Path, options: Options) -> None:
    """See to it that a worker of the code on disk serves `runs_dir`. Returns without waiting for it to be ready.

    A worker of older code is asked to retire; what it runs goes on, and the new one takes it over.
    """
    folder = runs_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with _starting:
        _be_present(folder)
        _unreaped[:] = [process for process in _unreaped if process.poll() is None]
        mine = _started.get(runs_dir)
        if mine is not None and mine.poll() is None and _about(folder).get("pid") != mine.pid:
            return  # started a moment ago, and on its way
        worker = find(runs_dir)
        if worker is not None:
            if not _is_outdated(folder, worker):
                return
            if really_holds(worker, folder / "lock"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGTERM)
        _started[runs_dir] = _start(runs_dir, options)
        _unreaped.append(_started[runs_dir])


def wake(runs_dir: Path) -> None:
    """Tell the worker to look now. Without a worker, or where there are no FIFOs, nothing happens: it looks by itself."""
    with contextlib.suppress(OSError):
        pipe = os.open(runs_dir / FOLDER / "wake", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(pipe, b"w")
        finally:
            os.close(pipe)


def somebody_present(runs_dir: Path) -> bool:
    """Whether a process that may still submit something (a server, a notebook) is alive."""
    descriptor = os.open(runs_dir / FOLDER / "present", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def _be_present(folder: Path) -> None:
    """Hold the shared lock for the rest of this process's life. The kernel frees it, however the process ends."""
    if folder not in _present:
        descriptor = os.open(folder / "present", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _present[folder] = descriptor


def _is_outdated(folder: Path, worker: int) -> bool:
    about = _about(folder)  # of its predecessor, until it has introduced itself
    return about.get("pid") == worker and about["code"] != code_digest()


def _about(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "about.json").read_bytes())
    except FileNotFoundError:
        return {}


def _start(runs_dir: Path, options: Options) -> subprocess.Popen[bytes]:
    log = runs_dir / FOLDER / "log.txt"
    mode = "wb" if log.exists() and log.stat().st_size > _LOG_BYTES else "ab"
    package_root = str(Path(tlcore.__file__).parent.parent)
    path = os.pathsep.join(part for part in (package_root, os.environ.get("PYTHONPATH")) if part)
    with open(log, mode) as output:
        return subprocess.Popen(
            [sys.executable, "-m", "tlcore.engine.worker", str(runs_dir), *options.arguments()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # outlives the server, its terminal and its Ctrl-C
            env=PATIENT_THREADS | os.environ | {"PYTHONPATH": path},
        )
