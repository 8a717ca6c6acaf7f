"""The folder of a run, as it is read by others while somebody writes it."""

from __future__ import annotations

import io
import json
import math
import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.errors import RunNotFound, ThawError
from tlcore.files import Lock
from tlcore.runs import EventWriter, Run, Status, all_runs, create, delete, empty_trash, open_run, restore
from tlcore.spec import CheckSpec, RunSpec

SPEC = RunSpec(dataset="chest-xray", backbone="resnet18")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create(tmp_path, SPEC)


def test_a_new_run_is_whole_and_queued(run: Run, tmp_path: Path) -> None:
    assert sorted(os.listdir(run.path)) == ["spec.json", "state.json"]
    assert os.listdir(tmp_path) == [run.id]
    assert run.spec() == SPEC
    assert run.status().state == "queued"
    assert time.time() - run.status().queued_at < 60
    assert run.events() == ([], 0)
    assert run.result() is None
    assert run.log_tail() == ""
    assert open_run(tmp_path, run.id).path == run.path


def test_hostile_names_make_harmless_folders(tmp_path: Path) -> None:
    for dataset in ("../../etc/passwd", "<img src=x onerror=alert(1)>", "ä" * 300, "a\nb\0c", "/", "..", "CON: x"):
        run = create(tmp_path, CheckSpec(dataset=dataset))
        assert run.path.parent == tmp_path
        assert open_run(tmp_path, run.id).spec().dataset == dataset


def test_running_without_a_lock_is_lost_and_nobody_can_write_that(run: Run) -> None:
    running = replace(run.status(), state="running")
    run.write_status(running)
    assert run.status().state == "lost"
    assert run.written_status().state == "running"
    with Lock(run.path / "run.lock"):
        assert run.status().state == "running"
    with pytest.raises(ValueError, match="lost"):
        run.write_status(replace(running, state="lost"))


def test_a_run_that_ends_between_two_looks_is_not_taken_for_lost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.write_status(replace(run.status(), state="running"))

    def ends_now(path: Path) -> None:
        run.write_status(Status("done", queued_at=1.0))

    monkeypatch.setattr("tlcore.runs.holder", ends_now)
    assert run.status().state == "done"


def test_events_are_read_on_from_where_the_reader_was(run: Run) -> None:
    events = EventWriter(run)
    events.write("step", step=1)
    first, after = run.events()
    assert [event["step"] for event in first] == [1]
    assert run.events(after) == ([], after)
    events.write("step", step=2, name="größer\n")
    events.sync()
    second, end = run.events(after)
    assert [(event["step"], event["name"]) for event in second] == [(2, "größer\n")]
    assert end == (run.path / "events.jsonl").stat().st_size
    assert run.events(-5)[1] == end
    events.close()


def test_a_torn_line_is_left_out_and_does_not_swallow_the_next(run: Run) -> None:
    events = EventWriter(run)
    events.write("step", step=1)
    events.close()
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(b'{"type":"step","ste')
    told, after = run.events()
    assert [event["step"] for event in told] == [1]
    again = EventWriter(run)
    again.write("step", step=2)
    again.close()
    assert [event["step"] for event in run.events(after)[0]] == [2]
    assert [event["step"] for event in run.events()[0]] == [1, 2]


def test_what_is_not_a_number_is_written_as_null(run: Run) -> None:
    events = EventWriter(run)
    events.write("epoch", val={"loss": math.nan, "auroc": [math.inf, 0.5], "f1": (1, -math.inf)})
    events.close()
    line = (run.path / "events.jsonl").read_text()
    assert json.loads(line, parse_constant=pytest.fail)["val"] == {"loss": None, "auroc": [None, 0.5], "f1": [1, None]}


@pytest.mark.parametrize(
    "run_id",
    ["", ".", "..", "../x", "/etc", "20261121T050604-x-be1d/../..", "20261121T050604-x-be1d\n", "20261121T050604-X-be1d", "🙂"],
)
def test_an_id_that_is_none_is_refused_before_the_disk_is_asked(tmp_path: Path, run_id: str) -> None:
    for call in (open_run, delete, restore):
        with pytest.raises(RunNotFound) as refusal:
            call(tmp_path, run_id)
        assert refusal.value.exit_code == 2


def test_runs_are_listed_the_newest_first_and_nothing_else_is(tmp_path: Path) -> None:
    assert list(all_runs(tmp_path / "nowhere")) == []
    made = [create(tmp_path, SPEC) for _ in range(3)]
    for number, run in enumerate(made):
        run.path.rename(tmp_path / f"2026112{number}T000000-{run.id[16:]}")
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".worker").mkdir()
    assert [run.id[7] for run in all_runs(tmp_path)] == ["2", "1", "0"]


def test_deleting_is_undone_until_the_trash_is_emptied(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ThawError, match="still queued"):
        delete(tmp_path, run.id)
    run.write_status(replace(run.status(), state="done"))
    delete(tmp_path, run.id)
    assert list(all_runs(tmp_path)) == []
    with pytest.raises(RunNotFound):
        open_run(tmp_path, run.id)
    empty_trash(tmp_path)  # a week has not passed
    assert restore(tmp_path, run.id).spec() == SPEC
    delete(tmp_path, run.id)
    empty_trash(tmp_path, older_than_seconds=-1.0)
    with pytest.raises(RunNotFound):
        restore(tmp_path, run.id)


def test_an_export_holds_the_run_and_no_locks(run: Run) -> None:
    run.write_result({"accuracy": 0.5})
    run.request_cancel()
    (run.path / "run.lock").touch()
    (run.path / "checkpoint").mkdir()
    (run.path / "checkpoint" / "weights.safetensors").write_bytes(b"x")
    (run.path / "thumbnails").mkdir()
    (run.path / "thumbnails" / "1.png").write_bytes(b"png")
    with zipfile.ZipFile(io.BytesIO(run.export())) as archive:
        names = {name.removeprefix(f"{run.id}/") for name in archive.namelist()}
        assert json.loads(archive.read(f"{run.id}/result.json")) == {"accuracy": 0.5}
    assert names == {"spec.json", "state.json", "result.json", "thumbnails/1.png"}
