"""Engines whose jobs are small ones (`engine_jobs`), and whose worker and children do not outlive the test."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tlcore.engine import LocalEngine, Options, launch
from tlcore.files import Lock, holder
from tlcore.runs import Run, all_runs

HERE = Path(__file__).parent


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


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine with a real worker, once something is submitted."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    made = LocalEngine(tmp_path / "runs", Options(grace_seconds=0.5, idle_seconds=60.0, catalogue="engine_jobs"))
    yield made
    end(made.runs_dir)


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[LocalEngine]:
    """An engine whose worker does nothing: this process holds its lock."""
    made = LocalEngine(tmp_path / "runs", Options(catalogue="engine_jobs"))
    with Lock(made.runs_dir / launch.FOLDER / "lock", timeout_seconds=0):
        yield made


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
