"""One job in this process: every way in which it can end, and what the folder says then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from watching import states_of, steps_of

from tlcore.engine import run as run_here
from tlcore.engine.execute import as_thaw_error, execute, settle
from tlcore.errors import DataError, OutOfMemory
from tlcore.files import Lock
from tlcore.runs import Run, all_runs, create
from tlcore.spec import CheckSpec


def queued(folder: Path, order: str) -> Run:
    return create(folder, CheckSpec(dataset=order))


def do(run: Run):
    return execute(run, own_process=True, catalogue="engine_jobs")


def test_a_job_that_returns_is_done_and_its_result_is_kept(tmp_path: Path) -> None:
    run = queued(tmp_path, "steps:3")
    assert do(run).state == "done"
    assert run.result()["steps"] == 3
    status = run.status()
    assert status.state == "done"
    assert status.queued_at <= status.started_at <= status.ended_at
    assert [event["type"] for event in run.events()[0]] == ["state", "step", "step", "step", "state"]
    assert states_of(run) == ["running", "done"]
    assert not (run.path / "checkpoint").exists()  # nothing goes on from it any more


@pytest.mark.parametrize(
    ("order", "kind", "words"),
    [
        ("refuse", "DataError", "These images cannot be read."),
        ("crash", "ThawError", "The program stopped because of a fault of its own (ValueError)."),
        ("memory", "OutOfMemory", "The run needed more memory than there is."),
        ("leave", "ThawError", "The program stopped because of a fault of its own (SystemExit)."),
    ],
)
def test_a_job_that_raises_has_failed_and_says_why(tmp_path: Path, order: str, kind: str, words: str) -> None:
    run = queued(tmp_path, order)
    assert do(run).state == "failed"
    error = run.status().error
    assert (error["type"], error["message"]) == (kind, words)
    assert error["next_step"]
    last = run.events()[0][-1]
    assert (last["type"], last["state"], last["error"]) == ("state", "failed", error)
    assert run.result() is None


def test_a_traceback_is_in_the_log_alone(tmp_path: Path) -> None:
    run = queued(tmp_path, "crash")
    do(run)
    assert "secret detail" in run.log_tail()
    for name in ("state.json", "events.jsonl"):
        text = (run.path / name).read_text()
        assert "secret detail" not in text
        assert "Traceback" not in text


def test_a_cancel_seen_by_the_job_and_one_before_it_began(tmp_path: Path) -> None:
    run = queued(tmp_path, "steps:3")
    run.request_cancel()
    assert do(run).state == "cancelled"
    assert states_of(run) == ["running", "cancelled"]
    assert steps_of(run) == []
    assert run.status().error is None


def test_only_one_process_does_a_run(tmp_path: Path) -> None:
    run = queued(tmp_path, "steps:1")
    with Lock(run.path / "run.lock"):
        assert settle(run, "cancelled") is False
    assert do(run).state == "done"
    assert do(run) is None
    assert states_of(run) == ["running", "done"]


def test_a_spec_of_another_version_fails_in_words(tmp_path: Path) -> None:
    run = queued(tmp_path, "steps:1")
    spec = json.loads((run.path / "spec.json").read_text()) | {"kind": "dream"}
    (run.path / "spec.json").write_text(json.dumps(spec))
    assert do(run).state == "failed"
    assert run.status().error["type"] == "SpecError"


def test_an_end_is_written_only_where_there_is_none(tmp_path: Path) -> None:
    run = queued(tmp_path, "steps:1")
    assert settle(run, "failed", DataError("No.", next_step="Stop."))
    assert run.status().error == {"type": "DataError", "message": "No.", "next_step": "Stop."}
    assert settle(run, "cancelled") is False
    assert run.status().state == "failed"


def test_memory_of_every_kind_is_memory() -> None:
    torch = pytest.importorskip("torch")
    for error in (MemoryError(), torch.OutOfMemoryError("CUDA"), RuntimeError("DefaultCPUAllocator: can't allocate memory")):
        assert isinstance(as_thaw_error(error), OutOfMemory)
    assert not isinstance(as_thaw_error(RuntimeError("shapes")), OutOfMemory)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as found:
        (tmp_path / "file" / "runs").mkdir()
    error = as_thaw_error(found.value)
    assert error.message == f"{str(tmp_path / 'file' / 'runs')!r} cannot be used: Not a directory."
    assert "THAW_RUNS_DIR" in error.next_step


# --- in the foreground


def test_a_foreground_run_leaves_the_same_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run_here(CheckSpec(dataset="steps:3"), runs_dir=tmp_path, catalogue="engine_jobs")
    (run,) = all_runs(tmp_path)
    assert result == {"run_id": run.id} | run.result()
    assert run.status().state == "done"
    assert run.status().own_process is False
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Training: 100%" in shown.err


def test_what_is_refused_early_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="never done"):
        run_here(CheckSpec(dataset="never"), runs_dir=tmp_path / "runs", catalogue="engine_jobs")
    assert list(tmp_path.iterdir()) == []


def test_a_foreground_run_without_progress_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_here(CheckSpec(dataset="steps:3"), runs_dir=tmp_path, progress=False, catalogue="engine_jobs")
    shown = capsys.readouterr()
    assert shown.out + shown.err == ""


@pytest.mark.parametrize(
    ("order", "error", "state"),
    [("refuse", DataError, "failed"), ("crash", ValueError, "failed"), ("interrupt", KeyboardInterrupt, "cancelled")],
)
def test_a_foreground_run_raises_what_its_job_raises(tmp_path: Path, order: str, error: type, state: str) -> None:
    with pytest.raises(error):
        run_here(CheckSpec(dataset=order), runs_dir=tmp_path, progress=False, catalogue="engine_jobs")
    (run,) = all_runs(tmp_path)
    assert run.status().state == state
    assert states_of(run) == ["running", state]
