"""The worker and its children, killed in every way: each state is told truly, and nothing reported is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from watching import end, states_of, steps_of, until

from tlcore.engine import LocalEngine, Options, launch
from tlcore.files import Lock, holder
from tlcore.runs import Run, delete, open_run
from tlcore.spec import CheckSpec, RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun

HERE = Path(__file__).parent


def train(order: str) -> RunSpec:
    return RunSpec(dataset=order)


def state(run: Run) -> str:
    return run.status().state


def child_of(run: Run) -> int:
    pid = holder(run.path / "run.lock")
    assert pid
    return pid


def alive(pid: int) -> bool:
    """Whether the process runs; a dead one that nobody has reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_runs_go_in_order_one_at_a_time_and_the_quick_lane_beside_them(engine: LocalEngine) -> None:
    first, second = engine.submit(train("steps:20:0.03")), engine.submit(train("steps:1"))
    quick = engine.submit(CheckSpec(dataset="steps:1"))
    until(lambda: state(second) == "done")
    a, b, c = first.status(), second.status(), quick.status()
    assert a.ended_at <= b.started_at
    assert c.ended_at < a.ended_at  # it did not wait for the training before it
    until(lambda: [states_of(run) for run in (first, second, quick)] == [["running", "done"]] * 3)
    result = first.result()
    assert result["pid"] != second.result()["pid"]
    assert (result["session"], result["nice"]) == (result["pid"], os.nice(0) + 10)
    assert a.own_process


def test_a_run_of_a_chain_waits_for_the_one_that_it_starts_from_a_lost_one_too(engine: LocalEngine) -> None:
    first = engine.submit(train("steps:1000:0.01"))
    until(lambda: steps_of(first))
    second = engine.submit(RunSpec(dataset="steps:1", strategy=Strategy(start=FromRun(run_id=first.id))))
    other = engine.submit(train("steps:1"))
    os.kill(child_of(first), signal.SIGKILL)
    until(lambda: state(other) == "done")  # the lane is free, and the second had waited longer
    assert (state(first), state(second)) == ("lost", "queued")
    assert f"It starts from run {first.id}, which was lost" in (engine.waits_for(second.id) or "")
    engine.cancel(first.id)
    until(lambda: state(second) == "done")  # its job says what it makes of a start that was cancelled


def test_a_run_whose_start_was_deleted_waits_no_longer(engine: LocalEngine) -> None:
    first = engine.submit(train("steps:1000:0.01"))
    until(lambda: steps_of(first))
    second = engine.submit(RunSpec(dataset="steps:1", strategy=Strategy(start=FromRun(run_id=first.id))))
    os.kill(child_of(first), signal.SIGKILL)
    until(lambda: state(first) == "lost")
    delete(engine.runs_dir, first.id)
    until(lambda: state(second) == "done")  # a real job says that its start is not here any more


def test_what_a_job_prints_is_in_its_log(engine: LocalEngine) -> None:
    run = engine.submit(train("crash"))
    until(lambda: state(run) == "failed")
    assert run.log_tail().startswith("about to fail\n")
    assert "secret detail" in run.log_tail()


def test_a_running_run_stops_when_asked(engine: LocalEngine) -> None:
    run = engine.submit(train("steps:1000:0.02"))
    until(lambda: steps_of(run))
    engine.cancel(run.id)
    engine.cancel(run.id)
    until(lambda: state(run) == "cancelled")
    engine.cancel(run.id)
    until(lambda: states_of(run) == ["running", "cancelled"])  # the event comes after the state


def test_one_that_does_not_listen_is_killed_with_all_it_started_and_the_next_one_starts(engine: LocalEngine) -> None:
    run, following = engine.submit(train("hang")), engine.submit(train("steps:1"))
    until(lambda: steps_of(run))
    step = next(event for event in run.events()[0] if event["type"] == "step")
    asked = time.monotonic()
    engine.cancel(run.id)
    until(lambda: state(run) == "cancelled")
    assert time.monotonic() - asked > engine.options.grace_seconds
    until(lambda: states_of(run) == ["running", "cancelled"])  # the event comes after the state
    until(lambda: not alive(step["helper"]) and not alive(step["pid"]))
    until(lambda: state(following) == "done")


def test_a_killed_child_is_lost_the_next_run_starts_and_resuming_loses_nothing(engine: LocalEngine) -> None:
    run, following = engine.submit(train("steps:30:0.03")), engine.submit(train("steps:1"))
    until(lambda: len(steps_of(run)) >= 5)
    os.kill(child_of(run), signal.SIGKILL)
    until(lambda: state(run) == "lost")
    reported = steps_of(run)
    until(lambda: state(following) == "done")
    assert state(run) == "lost"  # the worker has looked since, and left it so
    assert run.status().error is None

    engine.resume(run.id)
    until(lambda: state(run) == "done")
    assert steps_of(run)[: len(reported)] == reported
    resumed = next(event for event in run.events()[0] if event["type"] == "resumed")
    assert steps_of(run)[len(reported) :] == list(range(resumed["step"] + 1, 31))
    until(lambda: states_of(run) == ["running", "queued", "running", "done"])  # the event comes after the state
    assert run.status().resume


def test_a_killed_worker_leaves_its_child_running_and_the_next_worker_takes_it_over(engine: LocalEngine) -> None:
    run, following = engine.submit(train("steps:60:0.03")), engine.submit(train("steps:1"))
    until(lambda: len(steps_of(run)) >= 3)
    worker, child = launch.find(engine.runs_dir), child_of(run)
    os.kill(worker, signal.SIGKILL)
    until(lambda: launch.find(engine.runs_dir) is None)
    assert state(run) == "running"
    assert state(following) == "queued"

    assert [waiting.id for waiting in engine.queue()] == [following.id]  # looking at the queue brings a worker back
    until(lambda: launch.find(engine.runs_dir) not in (None, worker))
    until(lambda: state(following) == "done")
    assert state(run) == "done"
    assert run.status().ended_at <= following.status().started_at
    assert run.result()["pid"] == child
    assert steps_of(run) == list(range(1, 61))


def test_a_run_of_a_killed_worker_can_be_cancelled_even_if_it_hangs(engine: LocalEngine) -> None:
    run = engine.submit(train("hang"))
    until(lambda: steps_of(run))
    os.kill(launch.find(engine.runs_dir), signal.SIGKILL)
    until(lambda: launch.find(engine.runs_dir) is None)
    engine.cancel(run.id)
    until(lambda: state(run) == "cancelled")


def test_worker_and_child_killed_together_leave_a_lost_run(engine: LocalEngine) -> None:
    run, following = engine.submit(train("steps:1000:0.02")), engine.submit(train("steps:1"))
    until(lambda: steps_of(run))
    os.kill(launch.find(engine.runs_dir), signal.SIGKILL)
    os.kill(child_of(run), signal.SIGKILL)
    until(lambda: state(run) == "lost" and launch.find(engine.runs_dir) is None)
    engine.ensure_worker()
    until(lambda: state(following) == "done")
    assert state(run) == "lost"


SERVER = """
import sys, time
from pathlib import Path
from tlcore.engine import LocalEngine, Options
from tlcore.spec import RunSpec
engine = LocalEngine(Path(sys.argv[1]), Options(idle_seconds=1.0, catalogue="engine_jobs"))
print(engine.submit(RunSpec(dataset="steps:40:0.03")).id, engine.submit(RunSpec(dataset="steps:1")).id, flush=True)
time.sleep(600)
"""


def test_a_killed_server_takes_nothing_along_and_the_worker_leaves_when_nobody_is_left(tmp_path: Path) -> None:
    root = str(Path(launch.__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), root])}
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            first, second = (open_run(tmp_path, run_id) for run_id in server.stdout.readline().split())
            until(lambda: len(steps_of(first)) >= 3)
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            until(lambda: state(second) == "done")
            assert state(first) == "done"
            assert steps_of(first) == list(range(1, 41))
            until(lambda: launch.find(tmp_path) is None)
        finally:
            end(tmp_path)


def test_a_worker_of_older_code_hands_over_what_it_runs(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    run, following = engine.submit(train("steps:60:0.03")), engine.submit(train("steps:1"))
    until(lambda: len(steps_of(run)) >= 3)
    old, child = launch.find(engine.runs_dir), child_of(run)
    engine.ensure_worker()
    assert launch.find(engine.runs_dir) == old  # the code is the same: nothing to do
    monkeypatch.setattr(launch, "code_digest", lambda: "newer")
    engine.ensure_worker()
    monkeypatch.undo()
    until(lambda: launch.find(engine.runs_dir) not in (None, old))
    assert child_of(run) == child
    until(lambda: state(following) == "done")
    assert run.result()["pid"] == child
    assert run.status().ended_at <= following.status().started_at


def test_two_servers_that_start_at_once_get_one_worker(engine: LocalEngine) -> None:
    engine.ensure_worker()
    options = engine.options.arguments()
    command = [sys.executable, "-m", "tlcore.engine.worker", str(engine.runs_dir), *options]
    rival = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.environ["PYTHONPATH"] + os.pathsep + os.getcwd()})
    try:
        run = engine.submit(train("steps:5:0.01"))
        until(lambda: state(run) == "done")
        until(lambda: states_of(run) == ["running", "done"])  # the event comes after the state
        pids = {launch._started[engine.runs_dir].pid, rival.pid}
        assert launch.find(engine.runs_dir) in pids
    finally:
        rival.kill()
        rival.wait()


def test_a_process_that_cannot_be_started_ends_the_run_with_a_reason(engine: LocalEngine) -> None:
    with Lock(engine.runs_dir / launch.FOLDER / "lock"):  # no worker yet
        run, following = engine.submit(train("steps:1")), engine.submit(train("steps:1"))
        (run.path / "log.txt").mkdir()  # each child fails before it can take the run's lock
    engine.ensure_worker()
    until(lambda: state(following) == "done")
    assert state(run) == "failed"
    assert "could not be started" in run.status().error["message"]
    until(lambda: states_of(run) == ["failed"])  # the event comes after the state
    assert "IsADirectoryError" in (engine.runs_dir / launch.FOLDER / "log.txt").read_text()


def test_the_worker_leaves_when_its_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    folder = tmp_path / "runs"
    engine = LocalEngine(folder, Options(catalogue="engine_jobs"))
    engine.ensure_worker()
    until(lambda: (folder / launch.FOLDER / "wake").exists() and (folder / launch.FOLDER / "about.json").exists())
    worker = launch._started[folder]
    folder.rename(tmp_path / "elsewhere")
    try:
        assert worker.wait(timeout=10) == 0
    finally:
        end(folder)


@pytest.mark.parametrize(("given", "found"), [(None, "3000"), ("7", "7")])
def test_its_threads_do_not_spin_while_they_wait_unless_a_person_says_so(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, given: str | None, found: str
) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if given:
        monkeypatch.setenv("GOMP_SPINCOUNT", given)
    run = engine.submit(train("steps:1"))
    until(lambda: state(run) == "done")
    assert run.result()["spin"] == found
