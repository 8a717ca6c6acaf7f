"""python -m tlcore diagnose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pages.fabricate import Fabricated, finished
from tlcore.cli.main import main
from tlcore.runs import create
from tlcore.spec import CheckSpec, RunSpec


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def diverged(runs: Path) -> Fabricated:
    made = Fabricated(runs, RunSpec(dataset="digits", strategy="full", epochs=3, lr=0.5))
    made.begin()
    made.step(1)
    made.state("failed", error={"type": "Diverged", "message": "The loss is no number.\x1b[2J", "next_step": "Lower it."})
    made.events.close()
    return made


def test_a_finding_is_told_with_the_fields_to_change(capsys: pytest.CaptureFixture[str], diverged: Fabricated) -> None:
    assert main(["diagnose", diverged.run.id]) == 0
    said = capsys.readouterr().out
    head, first, *_ = said.splitlines()
    assert head.split() == ["severity", "found", "remedy"]
    assert first.split("  ")[0] == "problem"
    assert "Lower the rate to 5e-2: lr=0.05" in said
    assert "Over-fitting: cannot be told, that takes 3 epochs." in said
    assert "\x1b" not in said


def test_json_has_findings_with_remedies_that_a_spec_takes(capsys: pytest.CaptureFixture[str], diverged: Fabricated) -> None:
    assert main(["diagnose", diverged.run.id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["run_id"], told["state"]) == (diverged.run.id, "failed")
    (finding,) = told["findings"]
    assert (finding["name"], finding["severity"]) == ("exploding-rate", "problem")
    assert RunSpec(**(diverged.spec.model_dump() | finding["remedy"]["change"])).lr == 0.05
    assert told["cannot_tell"]["Over-fitting"] == "that takes 3 epochs"


def test_an_all_clear_says_what_was_looked_for(capsys: pytest.CaptureFixture[str], runs: Path) -> None:
    run = finished(runs, RunSpec(dataset="chest-xray", strategy="last-group", epochs=4))
    assert main(["diagnose", run.id]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Nothing looks wrong.\nLooked for and not seen: exploding loss, nothing moves")


def test_a_run_that_waits_has_nothing_to_judge_and_one_that_trains_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], runs: Path
) -> None:
    assert main(["diagnose", create(runs, RunSpec(dataset="digits")).id]) == 0
    assert capsys.readouterr().out == "The run has not begun to train: there is nothing to judge yet.\n"
    assert main(["diagnose", create(runs, CheckSpec(dataset="digits")).id]) == 2
    assert "trains nothing" in capsys.readouterr().err
    assert main(["diagnose", "nowhere"]) == 2
    assert "See the runs with" in capsys.readouterr().err


def test_a_run_is_held_against_the_probe_in_the_same_folder(capsys: pytest.CaptureFixture[str], runs: Path) -> None:
    run = finished(runs, RunSpec(dataset="chest-xray", strategy="last-group", epochs=4))
    assert main(["diagnose", run.id, "--json"]) == 0
    without = json.loads(capsys.readouterr().out)
    assert "has been run here" in without["cannot_tell"]["The head alone does better"]
    probe = finished(runs, RunSpec(dataset="chest-xray", strategy="linear-probe", epochs=4))
    probe.write_result(probe.result() | {"val": {"accuracy": 0.99, "n": 375}})
    assert main(["diagnose", run.id, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["name"], found["severity"]) == ("better-alone", "warning")
    assert "the head alone on frozen features, 99.0 %" in found["seen"]
    assert found["remedy"]["change"]["strategy"] in ("linear-probe", "lp-ft")


def test_a_run_that_failed_before_it_trained_says_why(capsys: pytest.CaptureFixture[str], runs: Path) -> None:
    made = Fabricated(runs, RunSpec(dataset="digits", epochs=3))
    made.state("failed", error={"type": "DataError", "message": "The folder is empty.", "next_step": "Add images."})
    made.events.close()
    assert main(["diagnose", made.run.id]) == 0
    assert "failed before it trained. The folder is empty. Add images." in capsys.readouterr().out
