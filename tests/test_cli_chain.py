"""`forgetting --chain`, for real, on networks that need nothing fetched; and what it refuses before anything is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.cli.chain import text
from tlcore.cli.chain_cost import tell_cost
from tlcore.cli.group_report import text as group_text
from tlcore.cli.main import main
from tlcore.errors import OutOfMemory
from tlcore.figures.forgetting_matrix import matrix_reading
from tlcore.figures.forgetting_words import signed_points
from tlcore.figures.words import duration, percent
from tlcore.groups import Group
from tlcore.runs import all_runs, create
from tlcore.spec import MeasureSpec, RunSpec
from tlcore.strategies import compile_plan, preset

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
    assert sorted(kinds) == ["forgetting", "measure", "train", "train"], "both tasks are timed by one measurement"
    first_task = shown.err.index("Task 1 of 2: digits")
    estimate = shown.err[:first_task]
    assert "Task 1, digits: about " in estimate
    assert "of it to ask 2 times for what was learned before it." in estimate.split("Task 2, digits: about ")[1]
    assert "In all about " in estimate

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


def test_what_cannot_be_timed_is_said_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutOfMemory("A batch of 32 images does not fit.", next_step="Choose a smaller batch.")

    monkeypatch.setattr("tlcore.cli.chain_cost.run", full)
    tell_cost(RunSpec(dataset="digits"), ["digits", "digits"], {}, tmp_path)
    assert "How long the chain takes cannot be said: A batch of 32 images does not fit." in capsys.readouterr().err


def test_the_estimate_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten images a second: each task's 2 looks ask 300 of the test images of each task before it."""
    plan = compile_plan(preset("full"), (Group("bottom", "bottom", 100, 1), Group("head", "head", 20)), epochs=1, lr=1e-3)

    def measured(spec: MeasureSpec, *, runs_dir: Path, progress: bool) -> dict:
        made = create(runs_dir, spec)
        phases = [{"seconds": 50.0}]
        result = {"plan": plan.as_dict(), "device": "CPU", "phases": phases, "seconds": 60.0, "eval_images_per_second": 1e9}
        made.write_result(result | {"source": {"images_per_second": 10.0}})
        made.write_status(replace(made.written_status(), state="done"))
        return made.result()

    monkeypatch.setattr("tlcore.cli.chain_cost.run", measured)
    base = RunSpec(dataset="digits", epochs=1)
    tell_cost(base, ["digits", "traffic-lights"], {"sources": ("earlier-tasks",), "points": 2}, tmp_path)
    said = capsys.readouterr().err
    assert "Timing task 2 of 2: traffic-lights" in said
    assert "Task 1, digits: about 1 min." in said
    assert "Task 2, traffic-lights: about 2 min, 1 min of it to ask 2 times for what was learned before it." in said
    tasks = 300 + 297
    heads, probes = 300 * 2 + 297, (300 + 1000 + 179) + 2 * (297 + 1000 + 177)
    end = (3 * tasks + heads + probes) / 10  # both ends and the one group that moved
    assert f"And {duration(end)} for the matrix" in said
    assert f"In all about {duration(180 + end)} on this machine (CPU)" in said
    tell_cost(base, ["digits", "traffic-lights"], {}, tmp_path)
    assert "Timing task" not in capsys.readouterr().err, "it is known now"
