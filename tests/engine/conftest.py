"""Engines whose jobs are small ones (`engine_jobs`), and whose worker and children do not outlive the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from watching import end

from tlcore.engine import LocalEngine, Options, launch
from tlcore.files import Lock

HERE = Path(__file__).parent


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
