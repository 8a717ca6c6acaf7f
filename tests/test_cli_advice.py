"""The command `advice-regret` for real, on a network that needs nothing fetched, with a shift that was measured before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlcore.advice.kept import FILE, kept
from tlcore.cli.main import main
from tlcore.runs import Status, all_runs, create
from tlcore.spec import RunSpec, ShiftSpec

OPTIONS = [
    *("--datasets", "digits", "--images-per-class", "3", "--seeds", "1", "--epochs", "1", "--image-size", "32"),
    *("--backbone", "mobilenetv3_small_100", "--strategies", "random-features,from-scratch"),
]


@pytest.fixture
def runs(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache of the command line"))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    asked = RunSpec(dataset="digits", backbone="mobilenetv3_small_100", image_size=32)
    shift = create(tmp_path / "runs", ShiftSpec(run=asked))
    shift.write_result({"shift": 0.4, "low": 0.38, "high": 0.42, "floor": 0.01})
    shift.write_status(Status("done", queued_at=1.0))
    return tmp_path / "runs"


@pytest.mark.slow
def test_every_candidate_runs_once_and_the_answer_is_kept(
    runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["advice-regret", *OPTIONS, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    (one,) = answer["situations"]
    assert (one["dataset"], one["images"], one["images_per_class"]) == ("digits", 30, 3)
    assert one["shift"] == {"shift": 0.4, "low": 0.38, "high": 0.42}
    assert one["situation"]["size"] == "small"
    assert one["situation"]["shift"] == "high"
    assert set(one["test"]) == {"random-features", "from-scratch"}
    assert one["best"] == max(one["val_accuracy"], key=lambda name: one["val_accuracy"][name])
    test = {name: found["accuracy"] for name, found in one["test"].items()}
    assert one["regret"]["advice"]["accuracy"]["value"] == pytest.approx(test[one["best"]] - test[one["advised"]])
    assert answer["summary"]["advice"]["of"] == 1
    assert answer["command"].startswith("python -m tlcore advice-regret --datasets digits")
    found = kept(runs, shipped=tmp_path / "none")
    assert found is not None
    assert found.answer == json.loads((runs / FILE).read_bytes()) == answer
    assert found.from_here

    before = [run.id for run in all_runs(runs)]
    assert main(["advice-regret", *OPTIONS, "--out", str(tmp_path / "elsewhere.json")]) == 0
    told = capsys.readouterr()
    assert [run.id for run in all_runs(runs)] == before  # what was there is taken as it is
    assert "Run 1" not in told.err
    assert "within noise of the best in" in told.out
    assert json.loads((tmp_path / "elsewhere.json").read_bytes())["summary"] == answer["summary"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--datasets", "nonsense"], "nonsense"),
        (["--strategies", "nonsense"], "nonsense"),
        (["--images-per-class", "0"], "a whole number above 0"),
        (["--seeds", "0"], "at least 1 seed"),
        (["--datasets", ","], "names nothing"),
        (["--strategies", "lp-ft"], "more epochs"),
    ],
)
def test_what_cannot_work_is_a_sentence(runs: Path, capsys: pytest.CaptureFixture[str], change: list[str], said: str) -> None:
    assert main(["advice-regret", *OPTIONS, *change]) in (1, 2)
    assert said in capsys.readouterr().err


def test_an_answer_that_cannot_be_read_gives_way_to_the_shipped_one(runs: Path, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped.json"
    assert kept(runs, shipped) is None
    machine = {"processor": "another", "threads": 64, "gpu": None}
    shipped.write_text(json.dumps({"machine": machine, "summary": {"advice": {"of": 4}}}))
    (runs / FILE).write_text("{torn")
    found = kept(runs, shipped)
    assert found is not None
    assert found.answer["machine"]["threads"] == 64
    assert not found.from_here
