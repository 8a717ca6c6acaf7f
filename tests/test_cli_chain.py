"""`forgetting --chain`, for real, on networks that need nothing fetched; and what it refuses before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlcore.cli.chain import text
from tlcore.cli.group_report import text as group_text
from tlcore.cli.main import main
from tlcore.figures.forgetting_matrix import matrix_reading
from tlcore.figures.forgetting_words import signed_points
from tlcore.figures.words import percent
from tlcore.runs import all_runs

TINY = (
    "forgetting --chain digits,digits --strategy from-scratch --backbone mobilenetv3_small_100 --image-size 32 "
    "--images-per-class 4 --epochs 1 --images 60"
)
RUN = "20250101T000000-nothing-0000"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache of the command forgetting"))
    monkeypatch.setenv("THAW_OFFLINE", "1")


@pytest.mark.slow
def test_it_trains_the_tasks_in_order_and_prints_the_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY.split(" "), "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out.splitlines()[-1])
    matrix, (first, second) = told["matrix"], told["runs"]
    assert "Task 2 of 2: digits" in shown.err
    assert matrix["runs"] == [first["run_id"], second["run_id"]]
    assert (matrix["strategy"], matrix["images"]) == ("from-scratch", [60, 60])
    assert matrix["R"][0][0] == pytest.approx(told["forgetting"]["sources"][f"task:{first['run_id']}"]["before"]["value"])
    assert matrix["R"][1][0] == pytest.approx(told["forgetting"]["sources"][f"task:{first['run_id']}"]["after"]["value"])
    assert matrix["bwt"]["value"] == pytest.approx(matrix["R"][1][0] - matrix["R"][0][0])
    assert told["forgetting"]["groups"] == {}
    assert "besides their class" in told["forgetting"]["why"]["groups"]
    kinds = [run.spec().kind for run in all_runs(tmp_path / "runs")]
    assert sorted(kinds) == ["forgetting", "train", "train"]

    said = text(matrix)
    assert f"BWT         {signed_points(matrix['bwt']['value'])}" in said
    assert matrix_reading(matrix) in said.splitlines()
    assert "BWT = 1/(T − 1) Σ_{j<T} (R[T, j] − R[j, j])" in said
    assert f"{percent(matrix['R'][0][1])}*" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--chain digits", "2 to 20 tasks, and 1 was named"),
        ("--chain digits,nowhere", "There is no dataset named 'nowhere'"),
        ("--chain digits,natural-photos", "has no labels"),
        ("--chain digits,digits --strategy adapters", "Bottleneck adapters"),
        ("--chain digits,digits --epochs few", "epochs: Input should be a valid integer"),
        (f"--chain digits,digits --run {RUN}", "--chain trains runs of its own"),
        (f"--run {RUN} --epochs 3 --strategy full", "--epochs, --strategy: only a chain trains"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    options: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forgetting", *options.split(" ")]) == 2
    assert words in capsys.readouterr().err
    assert not list(all_runs(tmp_path / "runs"))


def test_groups_as_text() -> None:
    half = {"value": 0.5, "low": 0.4, "high": 0.6, "method": "wilson"}
    none = {"value": None, "low": None, "high": None, "method": None}
    entry = {"images": 10, "accuracy": half}
    gap = {"highest": "a", "lowest": "b", "before": none, "after": half, "change": none}
    one = {"groups": ["a", "b"], "before": None, "after": {"a": entry, "b": entry}, "gap": gap, "notes": ["A note."]}
    said = "\n".join(group_text({"site": one}))
    assert "a     10      unknown                    50.0 % (40.0 to 60.0)" in said
    assert "Gap in accuracy, a minus b: before unknown, after 50.0 points (40.0 to 60.0), changed by unknown." in said
    assert "A note." in said
    assert group_text({}) == []
