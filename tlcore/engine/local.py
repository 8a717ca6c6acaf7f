"""The engine of this machine: folders as the queue, one worker per folder of runs, a process for each run."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from tlcore.engine.execute import settle, tell
from tlcore.engine.launch import Options, ensure, find, wake
from tlcore.engine.queue import Entry, Queue
from tlcore.errors import ThawError
from tlcore.files import Lock
from tlcore.runs import FINISHED, Run, Status, create, open_run
from tlcore.spec import AnySpec


class LocalEngine:
    """Runs specs on this machine. Any number of engines, in any number of processes, may share a folder of runs.

    The queue has two lanes, `train` and `quick`, which run side by side, one run at a time each, the oldest first.
    """

    def __init__(self, runs_dir: Path, options: Options | None = None) -> None:
        self.runs_dir = runs_dir.resolve()
        self.options = options or Options()
        self._queue = Queue(self.runs_dir)

    def submit(self, spec: AnySpec) -> Run:
        """Queue a run of `spec` and return its folder at once."""
        run = create(self.runs_dir, spec)
        self._hurry()
        return run

    def cancel(self, run_id: str) -> None:
        """Stop a run: a waiting or a lost one at once, a running one when it notices, or is killed after the grace time.

        A run that has ended stays as it is, so that asking twice, or too late, does no harm. Raises `RunNotFound`.
        """
        run = open_run(self.runs_dir, run_id)
        if run.written_status().state in FINISHED:
            return
        run.request_cancel()
        if not settle(run, "cancelled"):
            self._hurry()

    def resume(self, run_id: str) -> Run:
        """Queue a lost run again; it goes on from its last checkpoint. One that waits or runs already is left alone.

        Raises `RunNotFound`, or `ThawError` for a run that has ended.
        """
        run = open_run(self.runs_dir, run_id)
        with contextlib.suppress(TimeoutError), Lock(run.path / "run.lock", timeout_seconds=0.2):
            found = run.written_status()
            if found.state in FINISHED:
                raise ThawError(
                    f"Run {run_id} is {found.state}; only a lost run can be resumed.",
                    next_step="Repeat it as a new run.",
                )
            if found.state == "running":
                (run.path / "cancel").unlink(missing_ok=True)
                run.write_status(Status("queued", queued_at=time.time(), resume=True))
                tell(run, state="queued")
        self._hurry()
        return run

    def queue(self) -> list[Run]:
        """The runs that wait, the next one of each lane before those behind it."""
        return [entry.run for entry in self._waiting()]

    def place(self, run_id: str) -> int | None:
        """The run's place in its lane's queue, 1 being the next; None for one that does not wait."""
        waiting = self._waiting()
        lanes = [entry.lane for entry in waiting if entry.run.id == run_id]
        return [entry.run.id for entry in waiting if entry.lane == lanes[0]].index(run_id) + 1 if lanes else None

    def waits_for(self, run_id: str) -> str | None:
        """What a waiting run waits for besides its turn, as a sentence: the run that it starts from; None where that has ended.

        A lost run stands still until somebody goes on with it, cancels it or deletes it, and so do those behind it.
        """
        entries = {entry.run.id: entry for entry in self._waiting()}
        entry = entries.get(run_id)
        before = None if entry is None else self._queue.before(entry)
        if before is None:
            return None
        last, seen = before, {run_id}
        while last.run.id not in seen and (behind := self._queue.before(last)) is not None:
            seen.add(last.run.id)
            last = behind
        through = "" if last is before else f", which waits for run {last.run.id}"
        if last.written.state == "running" and last.holder() is None:
            return (
                f"It starts from run {before.run.id}{through}, which was lost: nobody works on that one. Go on with it or "
                "cancel it on its page; this one then starts, or says why it cannot."
            )
        return f"It starts from run {before.run.id}{through}, which has to end first."

    def ensure_worker(self) -> None:
        """See to it that a worker of the present code serves this folder. Cheap where one does; never waits for it."""
        ensure(self.runs_dir, self.options)

    def _waiting(self) -> list[Entry]:
        waiting = self._queue.waiting()
        if waiting and find(self.runs_dir) is None:
            self.ensure_worker()  # the last one was killed: whoever watches the queue brings it back
        return waiting

    def _hurry(self) -> None:
        self.ensure_worker()
        wake(self.runs_dir)
