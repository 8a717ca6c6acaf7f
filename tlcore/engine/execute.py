"""One job in this process, from the lock to the last state. The worker's child and a foreground run both come here.

The order on disk is what makes every state true at every instant: lock, state running, events, result, final state,
then the event that tells of it. A process killed anywhere in between leaves "running" without a lock, which is "lost".
"""

from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from tlcore.engine.jobs import CATALOGUE, find_job
from tlcore.errors import Cancelled, OutOfMemory, ThawError
from tlcore.files import Lock, sweep_temporaries
from tlcore.runs import FINISHED, EventWriter, Run, StateName

LOCK_SECONDS = 5.0  # readers and cancels hold a run's lock for an instant; another child would hold it for longer
SETTLE_SECONDS = 0.2  # likewise, for one who only writes the end of a run that nobody has
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)  # what a folder that is not ours, or no folder, answers


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `error` is what stopped it, where something did."""

    state: StateName
    result: dict[str, Any] | None = None
    error: BaseException | None = None


def execute(
    run: Run, *, own_process: bool, catalogue: str = CATALOGUE, writer: Callable[[Run], EventWriter] = EventWriter
) -> Outcome | None:
    """Run the job of a run that waits for this process; None where it no longer does, or another process has it.

    `KeyboardInterrupt` cancels the run and is in the outcome, as is every other error: none is raised.
    """
    try:
        with Lock(run.path / "run.lock", timeout_seconds=LOCK_SECONDS):
            found = run.written_status()
            if found.state != ("queued" if own_process else "running"):  # a foreground run never is in the queue
                return None
            sweep_temporaries(run.path, older_than_seconds=0.0)
            running = replace(found, state="running", started_at=time.time(), own_process=own_process)
            run.write_status(running)
            events = writer(run)
            try:
                events.write("state", state="running")
                outcome = _attempt(run, events, catalogue)
                error = outcome.error if outcome.state == "failed" else None
                told = as_thaw_error(error).as_dict() if error else None
                if outcome.result is not None:
                    run.write_result(outcome.result)
                run.write_status(replace(running, state=outcome.state, ended_at=time.time(), error=told))
                run.drop_checkpoint()
                events.write("state", state=outcome.state, **({"error": told} if told else {}))
                events.sync()
            finally:
                events.close()
            return outcome
    except TimeoutError:
        return None


def _attempt(run: Run, events: EventWriter, catalogue: str) -> Outcome:
    try:
        if run.cancel_requested():
            raise Cancelled("The run was cancelled before it began.")
        spec = run.spec()
        return Outcome("done", result=find_job(spec.kind, catalogue)(run, events))
    except (Cancelled, KeyboardInterrupt) as stopped:
        return Outcome("cancelled", error=stopped)
    except (Exception, SystemExit) as error:
        with open(run.path / "log.txt", "a") as log:
            traceback.print_exception(error, file=log)
        return Outcome("failed", error=error)


def settle(run: Run, state: Literal["failed", "cancelled"], error: ThawError | None = None) -> bool:
    """Write the end of a run that waits or is lost; False where a process has it, or it has ended already."""
    try:
        with Lock(run.path / "run.lock", timeout_seconds=SETTLE_SECONDS):
            found = run.written_status()
            if found.state in FINISHED:
                return False
            told = error.as_dict() if error else None
            run.write_status(replace(found, state=state, ended_at=time.time(), error=told))
            run.drop_checkpoint()
            tell(run, state=state, **({"error": told} if told else {}))
            return True
    except TimeoutError:
        return False


def tell(run: Run, **fields: Any) -> None:
    """Append one `state` event to a run whose lock this process holds."""
    events = EventWriter(run)
    try:
        events.write("state", **fields)
        events.sync()
    finally:
        events.close()


def as_thaw_error(error: BaseException) -> ThawError:
    """The sentence that a person reads for any error; the traceback stays in the run's log."""
    if isinstance(error, ThawError):
        return error
    if _out_of_memory(error):
        return OutOfMemory(
            "The run needed more memory than there is.",
            next_step="Choose a smaller batch size, image size or backbone, or end other programs.",
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ThawError("The disk is full.", next_step="Free some space, for example by deleting old runs, then try again.")
    if isinstance(error, OSError) and error.errno in _CLOSED and error.filename is not None:
        return ThawError(
            f"{os.fsdecode(error.filename)!r} cannot be used: {os.strerror(error.errno)}.",
            next_step="Give the program rights there, or name other folders: THAW_RUNS_DIR for runs, THAW_CACHE_DIR for files.",
        )
    return ThawError(
        f"The program stopped because of a fault of its own ({type(error).__name__}).",
        next_step="The run's log has the details: please report them together with the run's spec.",
    )


def _out_of_memory(error: BaseException) -> bool:
    torch = sys.modules.get("torch")  # an error of torch's own can only come from a torch that is loaded
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)  # torch's allocator on the CPU
