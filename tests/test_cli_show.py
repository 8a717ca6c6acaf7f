"""The command `show` for every kind of result, and for a comparison; the lists of both."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from tlcore.cli.main import main
from tlcore.cli.show import READERS
from tlcore.compare.expand import Expansion
from tlcore.compare.folder import create as create_comparison
from tlcore.compare.spec import Cell, CompareSpec, Setting
from tlcore.engine import launch
from tlcore.files import Lock, write_json
from tlcore.runs import Run, create
from tlcore.spec import AnySpec, DialSpec, LayersSpec, MeasureSpec, RunSpec, ShiftSpec

ASKED = RunSpec(dataset="digits", strategy="full")
SHIFT = {
    "shift": 0.29, "low": 0.28, "high": 0.30, "floor": 0.0, "images": {"source": 400, "target": 300}, "source": "Photographs",
    "weights": "Made by hand.", "notices": ["A notice."], "seconds": 1.0,
}  # fmt: skip
DIAL = {
    "levels": [
        {
            "group": "head", "level": "head", "accuracy": {"value": 0.855, "low": 0.796, "high": 0.899}, "auroc": 0.979,
            "loss": 0.5, "trainable_params": 12810, "seconds": 0.1,
        }
    ],
    "classes": ["a", "b"], "images": {"train": 160, "val": 179}, "epochs": 3, "seconds": 1.0, "majority_baseline": 0.1,
    "notices": [], "kept": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    with Lock(tmp_path / "runs" / launch.FOLDER / "lock"):
        yield


def done(folder: Path, spec: AnySpec, result: dict[str, Any]) -> Run:
    run = create(folder / "runs", spec)
    write_json(run.path / "result.json", result)
    run.write_status(replace(run.status(), state="done", started_at=1.0, ended_at=2.0))
    return run


def test_every_kind_of_result_has_a_reader():
    assert set(READERS) == {kind.model_fields["kind"].default for kind in get_args(AnySpec)}


def test_a_question_that_was_answered_is_shown_as_its_own_command_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = done(tmp_path, ShiftSpec(run=ASKED), SHIFT)
    assert main(["show", run.id]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{run.id}: done"
    assert said[2].startswith("Shift 0.29 (0.28 to 0.30)")
    assert said[3:] == ["On 300 training images and 400 photographs. Made by hand.", "Note: A notice.", f"Run {run.id}."]
    run = done(tmp_path, DialSpec(run=ASKED), DIAL)
    assert main(["show", run.id]) == 0
    assert "head        0.855     0.796 to 0.899  0.979  12,810      0.1 s" in capsys.readouterr().out


def test_the_list_names_a_strategy_only_where_it_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    counts = {"train_images": 10, "val_images": 10, "test_images": 10, "classes": 2}
    for spec in (ASKED, MeasureSpec(run=ASKED, **counts), DialSpec(run=ASKED), ShiftSpec(run=ASKED), LayersSpec(run=ASKED)):
        create(tmp_path / "runs", spec)
    assert main(["list", "runs", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert {record["kind"]: record["strategy"] for record in records} == {
        "train": "full", "measure": "full", "dial": None, "shift": None, "layers": None,
    }  # fmt: skip


def test_a_comparison_is_listed_and_opened_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["list", "comparisons"]) == 0
    assert capsys.readouterr().out == "There are no comparisons here yet.\n"
    spec = CompareSpec(
        datasets=["digits"], strategies=["linear-probe", "full"], seeds=(0,), backbones=["tf_efficientnet_lite0"], run=ASKED
    )
    setting = Setting("digits", spec.backbones[0], None)
    cells = tuple(Cell(setting, name, 0, 5) for name in ("linear-probe", "full"))
    made = create_comparison(tmp_path / "runs", spec, Expansion(cells, ()))
    assert main(["list", "comparisons"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split("  ")[0] == made.id
    assert row.endswith("linear-probe, full  2     0")
    assert main(["show", made.id]) == 0
    assert capsys.readouterr().out.endswith(f"Comparison {made.id}.\n")
    assert main(["show", made.id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["comparison"] == made.id
    assert [cell["strategy"] for cell in told["cells"]] == ["linear-probe", "full"]
    assert main(["show", made.id[:-4] + "0000"]) == 2
    assert "See the runs with" in capsys.readouterr().err
