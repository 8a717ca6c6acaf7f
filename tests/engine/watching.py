"""Looking at runs from outside, and ending what a test has started."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tlcore.engine import launch
from tlcore.files import holder
from tlcore.runs import Run, all_runs


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for something that other processes bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.01)


def steps_of(run: Run) -> list[int]:
    return [event["step"] for event in run.events()[0] if event["type"] == "step"]


def states_of(run: Run) -> list[str]:
    return [event["state"] for event in run.events()[0] if event["type"] == "state"]


def end(runs_dir: Path) -> None:
    """End the worker and the children of this folder, and reap what this process started."""
    for lock in [runs_dir / launch.FOLDER / "lock", *(run.path / "run.lock" for run in all_runs(runs_dir))]:
        pid = holder(lock)
        if pid and pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            until(lambda lock=lock: holder(lock) is None)
    launch._started.pop(runs_dir, None)
    while launch._unreaped:
        started = launch._unreaped.pop()
        started.kill()
        started.wait()
