"""Several foreground runs at once: all outcomes come, each with its place; errors keep their words between processes."""

import os
from pathlib import Path

import pytest

from tlcore.engine import at_once
from tlcore.engine.at_once import run_at_once
from tlcore.errors import Cancelled, ThawError, UnknownName
from tlcore.spec import CheckSpec, RunSpec


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.slow
def test_every_run_ends_at_its_place_and_one_that_fails_stops_no_other(tmp_path):
    good = CheckSpec(dataset="digits", image_size=16)
    bad = RunSpec(dataset=str(tmp_path / "nowhere"), epochs=1)
    ended = dict(run_at_once([good, bad, good], runs_dir=tmp_path / "runs", processes=2))
    assert sorted(ended) == [0, 1, 2]
    assert ended[0]["run_id"] != ended[2]["run_id"]
    assert (tmp_path / "runs" / ended[0]["run_id"] / "result.json").is_file()
    assert isinstance(ended[1], ThawError)
    assert "nowhere" in ended[1].message
    assert ended[1].next_step


@pytest.mark.parametrize("raised", [UnknownName("dataset", "x", ["digits"]), Cancelled("The run was cancelled.")])
def test_an_error_keeps_its_words_and_whether_it_was_a_cancel(monkeypatch, tmp_path, raised):
    def fail(*_args: object, **_options: object) -> None:
        raise raised

    monkeypatch.setattr(at_once, "run", fail)
    found = at_once._read(at_once._outcome(CheckSpec(dataset="digits"), tmp_path))
    assert (found.message, found.next_step) == (raised.message, raised.next_step)
    assert isinstance(found, Cancelled) == isinstance(raised, Cancelled)


def test_the_processes_share_the_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    at_once._share(3)
    assert os.environ["OMP_NUM_THREADS"] == "3"
