"""The queue as the folders tell it, without a worker that empties it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from watching import states_of

from tlcore.engine import LocalEngine
from tlcore.errors import RunNotFound, ThawError
from tlcore.files import Lock
from tlcore.runs import FINISHED, Run, create, delete
from tlcore.spec import CheckSpec, RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun

TRAIN, CHECK = RunSpec(dataset="digits"), CheckSpec(dataset="digits")


def lost(run: Run) -> Run:
    run.write_status(replace(run.status(), state="running", started_at=time.time(), own_process=True))
    return run


def test_each_lane_is_a_line_of_its_own_and_the_oldest_is_next(standing: LocalEngine) -> None:
    runs = [standing.submit(spec) for spec in (TRAIN, CHECK, TRAIN, TRAIN, CHECK)]
    assert [standing.place(run.id) for run in runs] == [1, 1, 2, 3, 2]
    assert [run.id for run in standing.queue()] == [run.id for run in runs]
    runs[0].write_status(replace(runs[0].status(), state="done"))
    assert [standing.place(run.id) for run in runs] == [None, 1, 1, 2, 2]
    other_browser = LocalEngine(standing.runs_dir)
    assert [other_browser.place(run.id) for run in runs] == [None, 1, 1, 2, 2]


def test_the_time_of_queueing_decides_and_not_the_name(standing: LocalEngine) -> None:
    first, second = standing.submit(TRAIN), standing.submit(TRAIN)
    first.write_status(replace(first.status(), queued_at=second.status().queued_at + 1))
    assert [run.id for run in standing.queue()] == [second.id, first.id]


def test_a_waiting_run_is_cancelled_at_once_and_asking_again_does_no_harm(standing: LocalEngine) -> None:
    run = standing.submit(TRAIN)
    for _ in range(3):
        standing.cancel(run.id)
        assert run.status().state == "cancelled"
    assert states_of(run) == ["cancelled"]
    assert standing.place(run.id) is None


@pytest.mark.parametrize("state", FINISHED)
def test_a_cancel_that_comes_too_late_changes_nothing(standing: LocalEngine, state: str) -> None:
    run = standing.submit(TRAIN)
    run.write_status(replace(run.status(), state=state))
    standing.cancel(run.id)
    assert run.status().state == state
    assert not run.cancel_requested()


def test_a_lost_run_is_told_as_lost_and_goes_back_into_the_queue(standing: LocalEngine) -> None:
    waiting = standing.submit(TRAIN)
    run = lost(standing.submit(TRAIN))
    run.request_cancel()  # asked in vain, before it was lost
    assert run.status().state == "lost"
    for _ in range(2):
        standing.resume(run.id)
        assert run.status().state == "queued"
        assert run.status().resume
    assert not run.cancel_requested()
    assert (standing.place(waiting.id), standing.place(run.id)) == (1, 2)
    assert states_of(run) == ["queued"]


def test_a_lost_run_can_be_given_up(standing: LocalEngine) -> None:
    run = lost(standing.submit(TRAIN))
    standing.cancel(run.id)
    assert run.status().state == "cancelled"


def test_a_run_that_somebody_holds_is_asked_and_not_settled(standing: LocalEngine) -> None:
    run = lost(standing.submit(TRAIN))
    with Lock(run.path / "run.lock"):
        standing.cancel(run.id)
        assert run.status().state == "running"
        assert run.cancel_requested()
        assert standing.resume(run.id).status().state == "running"


@pytest.mark.parametrize("state", FINISHED)
def test_what_has_ended_is_not_resumed(standing: LocalEngine, state: str) -> None:
    run = standing.submit(TRAIN)
    run.write_status(replace(run.status(), state=state))
    with pytest.raises(ThawError, match=f"is {state}; only a lost run"):
        standing.resume(run.id)


@pytest.mark.parametrize("run_id", ["", "../..", "20261121T050604-x-be1d", "20261121T050604-../../x-be1d"])
def test_ids_from_a_url_reach_no_other_folder(standing: LocalEngine, run_id: str) -> None:
    standing.submit(TRAIN)
    for call in (standing.cancel, standing.resume):
        with pytest.raises(RunNotFound):
            call(run_id)
    assert standing.place(run_id) is None


def test_folders_that_are_no_runs_are_passed_over(standing: LocalEngine) -> None:
    run = standing.submit(TRAIN)
    (standing.runs_dir / "notes").mkdir()
    broken = create(standing.runs_dir, TRAIN)
    (broken.path / "state.json").write_text("{")
    assert [entry.id for entry in standing.queue()] == [run.id]


def test_looking_again_reads_only_what_changed(standing: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [standing.submit(TRAIN) for _ in range(3)]
    standing.queue()
    read = []
    original = Run.written_status
    monkeypatch.setattr(Run, "written_status", lambda run: read.append(run.id) or original(run))
    standing.queue()
    assert read == []
    runs[1].write_status(replace(original(runs[1]), state="done"))
    standing.queue()
    assert read == [runs[1].id]


def test_a_run_of_a_chain_says_what_it_waits_for(standing: LocalEngine) -> None:
    def after(run: Run) -> Run:
        return standing.submit(TRAIN.model_copy(update={"strategy": Strategy(start=FromRun(run_id=run.id))}))

    first = standing.submit(TRAIN)
    second = after(first)
    third = after(second)
    assert standing.waits_for(first.id) is None
    assert standing.waits_for(second.id) == f"It starts from run {first.id}, which has to end first."
    lost(first)
    assert "which was lost: nobody works on that one. Go on with it or cancel it" in (standing.waits_for(second.id) or "")
    told = f"It starts from run {second.id}, which waits for run {first.id}, which was lost"
    assert told in (standing.waits_for(third.id) or "")
    standing.cancel(first.id)
    assert standing.waits_for(second.id) is None
    assert standing.waits_for(first.id) is None, "it has ended"
    delete(standing.runs_dir, first.id)
    assert standing.waits_for(second.id) is None
    assert standing.waits_for("20250101T000000-nothing-0000") is None


def test_runs_that_a_hand_made_start_from_each_other_are_told_without_end(standing: LocalEngine) -> None:
    first = standing.submit(TRAIN)
    spec = TRAIN.model_copy(update={"strategy": Strategy(start=FromRun(run_id=first.id))})
    second = standing.submit(spec)
    (first.path / "spec.json").write_text(
        TRAIN.model_copy(update={"strategy": Strategy(start=FromRun(run_id=second.id))}).model_dump_json()
    )
    assert "which has to end first" in (LocalEngine(standing.runs_dir).waits_for(second.id) or "")
