"""The command line in words and exit codes; the jobs it starts are tested in test_cli_jobs.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.cli.main import main
from tlcore.data.catalogue import DATASETS
from tlcore.engine import launch
from tlcore.files import Lock
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import Run, all_runs, create
from tlcore.spec import CheckSpec, RunSpec
from tlcore.strategies import STRATEGIES, preset

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.delenv("THAW_DEBUG", raising=False)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What stderr says about a request that exits with 2 and prints nothing."""
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert "Traceback" not in shown.err
    return shown.err


# --- what is refused, with 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--start run:../../etc", "This is not a run's id"),
        ("--start run", "This is not a run's id"),
        ("--start run:20261120T224500-resnet18-digits-lp-ft-7f3a", "is not here any more"),
        ("--start-head kept", "--start-head says what becomes of another run's head"),
        ("--head magic", "'linear', 'mlp', 'cosine' or 'attention'"),
        ("--head attention --backbone mobilenetv3_small_100 --image-size 64", "no map"),
    ],
)
def test_a_start_or_a_head_that_cannot_be_is_refused(capsys: pytest.CaptureFixture[str], options: str, words: str) -> None:
    assert words in refused(capsys, "train", "--dataset", "digits", *options.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train --dataset digits --strategy lpft", ["'lpft'", "'lp-ft'", *STRATEGIES]),
        ("train --dataset chest-xrey", ["'chest-xrey'", "'chest-xray'", *DATASETS]),
        ("check chest-xrey", ["'chest-xrey'", "'chest-xray'", *DATASETS]),
        ("measure --dataset chest-xrey", list(DATASETS)),
        ("train", ["No dataset was named", *DATASETS]),
        ("train --dataset natural-photos", ["has no labels"]),
        ("measure --dataset natural-photos", ["has no labels"]),
        ("train --dataset digits --epochs x --lr -1", ["epochs: ", "'x'", "lr: ", "'-1'"]),
        ("train --dataset digits --strategy two-stage --epochs 1", ["at least 2 epochs"]),
        ("train --dataset digits --batchnorm melted", ["scope", "'melted'", "'frozen'"]),
        ("train --dataset digits --schedule zigzag", ["schedule", "'one-cycle'"]),
        ("train --dataset digits --strategy gradual --body-lr-mult 0.1", ["--body-lr-mult", "discriminative"]),
        ("train --spec nowhere.json", ["'nowhere.json'", "No such file"]),
        ("show ../../etc", ["There is no run ../../etc here", "list runs"]),
        ("cancel 20260101T000000-x-0000", ["no run 20260101T000000-x-0000"]),
        ("resume 20260101T000000-x-0000", ["no run"]),
    ],
)
def test_a_wrong_request_is_refused_in_words(capsys: pytest.CaptureFixture[str], arguments: str, words: list[str]) -> None:
    said = refused(capsys, *arguments.split())
    for word in words:
        assert word in said


def test_nothing_is_written_for_a_request_that_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    refused(capsys, "train", "--dataset", "nowhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_wrong_backbone_lists_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "train", "--dataset", "digits", "--backbone", "resnet1")
    assert "Did you mean 'resnet18'?" in said
    main(["list", "backbones", "--json"])
    listed = {record["name"] for record in json.loads(capsys.readouterr().out)}
    assert set(re.search(r"Choose one of: (.*)\.", said)[1].split(", ")) == listed
    assert "Did you mean 'resnet10t'?" in refused(capsys, "train", "--dataset", "digits", "--backbone", "resnet10")
    assert "chest-xray" in refused(capsys, "fetch", "resnet1")


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "check", "dataset": "digits"}', '{"colour": 1, "dataset": "digits"}'])
def test_a_file_that_is_no_spec_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str) -> None:
    (tmp_path / "spec.json").write_text(text)
    refused(capsys, "train", "--spec", str(tmp_path / "spec.json"))


def test_a_malformed_command_line_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["fly"], ["train", "--epoch", "3"], ["list", "cats"]):
        with pytest.raises(SystemExit) as refusal:
            main(arguments)
        assert refusal.value.code == 2
        assert "usage: python -m tlcore" in capsys.readouterr().err


def test_with_json_the_refusal_is_one_object_on_stdout_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--dataset", "nowhere", "--json"]) == 2
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert error["type"] == "UnknownName"
    assert error["message"] in shown.err
    assert error["next_step"] in shown.err


def test_a_fault_of_the_program_is_a_sentence_and_with_debugging_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(runs_dir: Path) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tlcore.cli.catalogues.all_runs", broken)
    assert main(["list", "runs"]) == 1
    shown = capsys.readouterr()
    assert "ZeroDivisionError" in shown.err
    assert "Traceback" not in shown.err
    monkeypatch.setenv("THAW_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["list", "runs"])


# --- list


@pytest.mark.parametrize(("what", "names"), [("backbones", BACKBONES), ("datasets", DATASETS), ("strategies", STRATEGIES)])
def test_catalogues_are_listed_whole(capsys: pytest.CaptureFixture[str], what: str, names: dict) -> None:
    assert main(["list", what, "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == list(names)
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *names]


def test_a_listed_strategy_can_be_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "strategies", "--json"])
    for record in json.loads(capsys.readouterr().out):
        assert RunSpec(dataset="digits", strategy=record["strategy"]).strategy == preset(record["name"])


def test_runs_are_listed_with_their_state(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["list", "runs"]) == 0
    assert capsys.readouterr().out == "There are no runs here yet.\n"
    run = create(tmp_path / "elsewhere", RunSpec(dataset="digits", strategy="full"))
    assert main(["list", "runs", "--json", "--runs-dir", str(tmp_path / "elsewhere")]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["run_id"], record["state"], record["strategy"]) == (run.id, "queued", "full")


def test_the_list_of_runs_tells_kinds_apart_and_leaves_out_what_does_not_apply(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trained = create(tmp_path / "runs", RunSpec(dataset="digits", strategy="full"))
    trained.write_status(replace(trained.status(), state="done", started_at=100.0, ended_at=175.0))
    trained.write_result({"test": {"accuracy": {"value": 0.9483, "low": 0.9, "high": 0.97}}})
    looked = create(tmp_path / "runs", CheckSpec(dataset="digits"))
    (broken := create(tmp_path / "runs", RunSpec(dataset="digits"))).path.joinpath("spec.json").write_text("{}")
    assert main(["list", "runs"]) == 0
    said = capsys.readouterr().out
    header, *lines = said.splitlines()
    cells = {line.split()[0]: re.split(r"  +", line)[1:] for line in lines}
    assert re.split(r"  +", header) == [
        "run id", "kind", "state", "backbone", "dataset", "strategy", "test accuracy", "took",
    ]  # fmt: skip
    assert cells[trained.id] == ["train", "done", "tf_efficientnet_lite0", "digits", "full", "94.8 %", "1 min 15 s"]
    assert cells[looked.id] == ["check", "queued", "-", "digits", "-", "-", "-"]
    assert cells[broken.id] == ["-", "queued", "-", "-", "-", "-", "-"]
    assert "None" not in said
    assert main(["list", "runs", "--json"]) == 0
    records = {record["run_id"]: record for record in json.loads(capsys.readouterr().out)}
    assert (records[trained.id]["test_accuracy"], records[trained.id]["seconds"]) == (0.9483, 75.0)
    assert {"kind", "queued_at", "started_at", "ended_at", "error"} <= set(records[looked.id])


def test_a_run_that_is_not_there_is_told_where_to_look(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in ("show", "cancel", "resume"):
        for name in ("nope", "20260101T000000-x-0000"):
            assert refused(capsys, command, name).endswith("See the runs with: python -m tlcore list runs\n")
    assert refused(capsys, "show", "nope", "--runs-dir", "a b").endswith("list runs --runs-dir 'a b'\n")


def test_help_and_lists_start_without_torch() -> None:
    """As a process of its own: what this one has imported says nothing."""
    script = (
        "import sys; from tlcore.cli.main import main\n"
        "for what in ('backbones', 'datasets', 'strategies', 'runs'): main(['list', what])\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'timm', 'streamlit', 'sklearn', 'pandas'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr.strip() == "set()"


def test_a_reader_that_stops_reading_is_no_error() -> None:
    command = f"{sys.executable} -m tlcore list backbones --json | head -c 10; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- show, cancel, resume


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create(tmp_path / "runs", RunSpec(dataset="digits"))


@pytest.fixture
def _no_worker(run: Run):
    """The place of the worker is taken, so that none is started."""
    with Lock(run.path.parent / launch.FOLDER / "lock"):
        yield


@pytest.mark.usefixtures("_no_worker")
def test_show_says_where_a_run_stands(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    assert main(["show", run.id]) == 0
    assert capsys.readouterr().out == f"{run.id}: queued, place 1 in the queue\n"
    error = {"type": "DataError", "message": "No images.", "next_step": "Add some."}
    run.write_status(replace(run.status(), state="failed", error=error))
    (run.path / "log.txt").write_text("the end\n")
    assert main(["show", run.id]) == 0
    said = capsys.readouterr().out
    for words in ("failed", "No images.", "Add some.", "the end"):
        assert words in said
    assert main(["show", run.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["error"] == error


@pytest.mark.usefixtures("_no_worker")
def test_cancel_and_resume(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.write_status(replace(run.status(), state="running", started_at=time.time(), own_process=True))
    assert main(["resume", run.id]) == 0
    assert capsys.readouterr().out == f"Run {run.id} is queued.\n"
    assert main(["cancel", run.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"run_id": run.id, "state": "cancelled"}
    assert main(["resume", run.id]) == 1
    assert "only a lost run can be resumed" in capsys.readouterr().err
    assert next(all_runs(Path(os.environ["THAW_RUNS_DIR"]))).status().state == "cancelled"
