"""What tests of the pages share: a folder of runs in which nothing is done, and fabricated runs that are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pages.fabricate import Fabricated
from tlcore.engine import LocalEngine
from tlcore.spec import RunSpec


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs without a worker: what is submitted stays in the queue."""
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(LocalEngine, "ensure_worker", lambda self: None)
    return tmp_path / "runs"


@pytest.fixture
def fabricated(runs: Path) -> Iterator[Callable[..., Fabricated]]:
    """Make a run by hand: `fabricated(dataset="digits", strategy="full")`; with `done=True` it trained and ended well."""
    made: list[Fabricated] = []

    def make(*, done: bool = False, **fields: object) -> Fabricated:
        run = Fabricated(runs, RunSpec(**({"dataset": "chest-xray", "epochs": 2} | fields)))
        made.append(run)
        if done:
            run.begin()
            run.train()
            run.finish()
        return run

    yield make
    for run in made:
        run.events.close()
