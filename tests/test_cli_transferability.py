"""The transferability experiment from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlcore.cli.main import main
from tlcore.runs import all_runs

TINY = ["--images-per-class", "4", "--epochs", "1", "--batch-size", "10", "--device", "cpu"]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache of the transferability command"))


@pytest.mark.slow
def test_it_prints_the_curve_the_comparisons_and_the_reading(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transferability", "--dataset", "digits", "--seeds", "2", *TINY, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(told["networks"]) == 76
    assert {point["form"] for point in told["curve"]} == {"BnB", "AnB", "BnB+", "AnB+", "random"}
    assert {"dip", "decline", "thawed_a", "thawed_b"} <= told["comparisons"].keys()
    assert told["readings"][0].startswith("2 seeds, random halves of 5 and 5 classes of")
    assert main(["show", told["run_id"]]) == 0
    assert told["readings"][-1] in capsys.readouterr().out


@pytest.mark.slow
def test_as_text_it_is_a_table_with_its_reading(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transferability", "--dataset", "digits", "--seeds", "1", *TINY]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[3:10]] == list("1234567")
    assert "Base network: " in said
    assert "One seed tells nothing of chance" in said


@pytest.mark.slow
def test_it_says_beforehand_what_it_costs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["transferability", "--dataset", "digits", "--cost"]) == 0
    assert "for 114 networks, on this machine" in capsys.readouterr().out
    (run,) = all_runs(tmp_path / "runs")
    assert run.spec().kind == "transferability-cost"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "3"], "No dataset was named."),
        (["--dataset", "digits", "--halves", "distant"], "is not known"),
        (["--dataset", "chest-xray"], "need 4 classes or more"),
        (["--dataset", "digits", "--seeds", "none"], "seeds"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["transferability", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not list(all_runs(tmp_path / "runs"))
