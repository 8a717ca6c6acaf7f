"""Jobs from the command line, for real: training, the data check, the measurement; resuming after a kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tlcore.cli.main import main
from tlcore.engine import LocalEngine, launch
from tlcore.files import holder
from tlcore.runs import Run, all_runs
from tlcore.spec import RunSpec

sys.path.insert(0, str(Path(__file__).parent / "data"))
from hostile import HARD_CLASSES, make  # the same inputs that the data's own tests refuse

ROOT = Path(__file__).parents[1]
TINY = "--backbone mobilenetv3_small_100 --dataset digits --strategy random-features --image-size 32 --images-per-class 8"
KEYS = {
    "run_id", "backbone", "dataset", "strategy", "test", "majority_baseline", "trainable_params", "total_params", "seconds",
    "images_per_second", "epochs_run", "best_epoch",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache of the command line"))
    monkeypatch.setenv("THAW_OFFLINE", "1")


@pytest.mark.slow
def test_training_prints_one_json_object_last_and_progress_on_stderr(tmp_path: Path) -> None:
    """The command of the README, as a process of its own, on a network that needs nothing fetched."""
    command = [sys.executable, "-m", "tlcore", "train", *TINY.split(" "), "--epochs", "1", "--seed", "0", "--json"]
    done = subprocess.run(
        [*command, "--runs-dir", str(tmp_path / "here")], capture_output=True, text=True, cwd=ROOT, check=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) >= KEYS
    (run,) = all_runs(tmp_path / "here")
    assert told["run_id"] == run.id
    assert (told["backbone"], told["dataset"], told["strategy"]) == ("mobilenetv3_small_100", "digits", "random-features")
    assert (told["epochs_run"], told["best_epoch"]) == (1, 1)
    assert told["trainable_params"] == 1025 * 10 < told["total_params"]
    assert 0.09 < told["majority_baseline"] < 0.12  # ten classes, almost alike
    for name in ("accuracy", "balanced_accuracy", "auroc", "f1"):
        assert told["test"][name]["low"] <= told["test"][name]["value"] <= told["test"][name]["high"]
    for name in ("ece", "loss"):
        assert told["test"][name]["value"] >= 0
    assert "Training" in done.stderr
    assert "Epoch 1: validation loss" in done.stderr
    assert run.status().state == "done"
    result = run.result()
    assert {name: result[name] for name in KEYS} == {name: told[name] for name in KEYS}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_a_table_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", *TINY.split(" "), "--epochs", "1", "--seed", "3"]
    assert main([*arguments, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(arguments) == 0
    table = capsys.readouterr().out
    value = first["test"]["accuracy"]
    assert f"{value['value']:.3f}  {value['low']:.3f} to {value['high']:.3f}" in table
    assert f"majority baseline  {first['majority_baseline']:.3f}" in table
    assert "10,250 of " in table
    assert "95 % intervals: Wilson score for accuracy and recall, bootstrap for the others, over the test images." in table
    assert main(["show", first["run_id"]]) == 0
    assert f"{value['value']:.3f}  {value['low']:.3f} to {value['high']:.3f}" in capsys.readouterr().out


@pytest.mark.slow
def test_weights_that_cannot_be_had_are_an_error_and_never_random(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--dataset", "digits", "--backbone", "resnet18", "--image-size", "32", "--json"]) == 1
    shown = capsys.readouterr()
    error = json.loads(shown.out.splitlines()[-1])["error"]
    assert error["type"] in ("WeightsUnavailable", "AssetError")
    assert error["next_step"]
    assert "Traceback" not in shown.err
    (run,) = all_runs(Path(os.environ["THAW_RUNS_DIR"]))
    assert run.status().state == "failed"
    assert run.status().error == error


@pytest.mark.slow
def test_the_measurement_shows_the_plan_and_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["measure", *TINY.split(" "), "--strategy", "two-stage", "--epochs", "4"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    for words in ("stage 6", "frozen", "head and body", "when asked again, on this machine", "All below stage"):
        assert words in said
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    # Two epochs each: 50 looks at the kept features and 2 more, then 80 images in batches of 32, 32 and 16.
    assert [phase["steps"] for phase in told["phases"]] == [52, 6]
    assert told["seconds"] > 0


def test_the_data_check_tells_counts_and_findings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = make(tmp_path / "inputs")["ok_data_html_class"]
    assert main(["check", str(data), "--image-size", "32"]) == 0
    said = capsys.readouterr().out
    assert "onerror=alert(1)" in said  # a terminal shows it as it is
    assert "train" in said
    assert main(["check", str(data), "--image-size", "32", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(sum(split.values()) for split in told["counts"].values()) == 36


TRAIN = "train --backbone mobilenetv3_small_100 --strategy random-features --epochs 1 --image-size 32 --dataset"


def files_outside(folder: Path) -> set[Path]:
    """Everything below `folder` but the runs; the cache is elsewhere."""
    return {path for path in folder.rglob("*") if not path.is_relative_to(folder / "runs")}


@pytest.mark.parametrize("command", ["check --image-size 32", TRAIN])
def test_every_hostile_input_exits_with_2_and_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    hostile = {name: path for name, path in make(tmp_path / "inputs").items() if not name.startswith("ok_data")}
    assert len(hostile) > 35
    monkeypatch.chdir(tmp_path)
    before, wrong = files_outside(tmp_path), {}
    for name, path in hostile.items():
        code = main([*command.split(" "), str(path)])
        shown = capsys.readouterr()
        said = [line for line in shown.err.replace("\r", "\n").splitlines() if line.startswith("error: ")]
        if code != 2 or len(said) != 1 or "fault of its own" in shown.err or "Traceback" in shown.err or shown.out:
            wrong[name] = (code, shown.err[-300:], shown.out[-300:])
    assert wrong == {}
    assert files_outside(tmp_path) == before
    assert not Path("/tmp/thaw-escaped.png").exists()


@pytest.mark.slow
def test_every_unusual_input_is_read_and_what_was_left_out_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTML and emoji as class names, links out of the folder, a ZIP; 16 bits, RGBA, CMYK, EXIF, bombs among good pictures."""
    inputs = make(tmp_path / "inputs")
    monkeypatch.chdir(tmp_path)
    before = files_outside(tmp_path)
    told = {}
    for name in (name for name in inputs if name.startswith("ok_data")):
        assert main(["check", str(inputs[name]), "--image-size", "32", "--json"]) == 0, name
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        told[name] = json.loads(shown.out)
    assert files_outside(tmp_path) == before
    mixed = sum(sum(split.values()) for split in told["ok_data_mixed"]["counts"].values())
    assert mixed == 24 + len([name for name in inputs if name.startswith("ok_picture")])
    assert sum(sum(split.values()) for split in told["ok_data_messy"]["counts"].values()) == 25  # none from outside

    assert main([*TRAIN.split(" "), str(inputs["ok_data_html_class"]), "--json"]) == 0
    shown = capsys.readouterr()
    assert set(json.loads(shown.out)["classes"]) == set(HARD_CLASSES)


@pytest.mark.slow
def test_ctrl_c_cancels_the_run_and_exits_with_130(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tlcore", "train", *TINY.split(" "), "--epochs", "1000", "--cut", "off"]
    command += ["--runs-dir", str(tmp_path / "r")]
    # A shell that starts the tests in the background has them ignore SIGINT; a person's terminal does not.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=heeding
    ) as process:
        try:
            until(lambda: any(steps_of(run) for run in all_runs(tmp_path / "r")), process)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out == ""
    assert "the run is cancelled" in err
    assert "Traceback" not in err
    (run,) = all_runs(tmp_path / "r")
    assert run.status().state == "cancelled"


# --- the real training job in the queue


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    made = LocalEngine(tmp_path / "runs")
    yield made
    for lock in [made.runs_dir / launch.FOLDER / "lock", *(run.path / "run.lock" for run in all_runs(made.runs_dir))]:
        with contextlib.suppress(ProcessLookupError):
            if pid := holder(lock):
                os.kill(pid, signal.SIGKILL)
    while launch._unreaped:
        worker = launch._unreaped.pop()
        worker.kill()
        worker.wait()


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_like_one_that_was_not_killed(engine: LocalEngine) -> None:
    spec = RunSpec(
        backbone="mobilenetv3_small_100", dataset="digits", strategy="from-scratch", epochs=4, image_size=32,
        images_per_class=8, batch_size=16, seed=5,
    )  # fmt: skip
    whole, killed = engine.submit(spec), engine.submit(spec)
    until(lambda: whole.status().state == "done")
    until(lambda: any(event["type"] == "epoch" and event["epoch"] == 1 for event in killed.events()[0]))
    os.kill(holder(killed.path / "run.lock"), signal.SIGKILL)
    until(lambda: killed.status().state == "lost")
    reported = killed.events()[0]
    engine.resume(killed.id)
    until(lambda: killed.status().state == "done")

    events = killed.events()[0]
    assert events[: len(reported)] == reported
    resumed = next(event for event in events if event["type"] == "resumed")
    assert resumed["step"] >= 5  # the first epoch at least was not done again
    expected, result = whole.result(), killed.result()
    for name in ("test", "val", "confusion", "drift", "best_epoch", "epochs_run", "majority_baseline"):
        assert result[name] == expected[name], name
    trained, again = (load_file(run.path / "weights.safetensors") for run in (whole, killed))
    assert trained.keys() == again.keys()
    assert all((trained[name] == again[name]).all() for name in trained)


def steps_of(run: Run) -> list[int]:
    return [event["step"] for event in run.events()[0] if event["type"] == "step"]


def until(condition: Callable[[], object], process: subprocess.Popen | None = None, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        assert process is None or process.poll() is None, "the process has ended"
        time.sleep(0.02)
