"""Small jobs for the engine's tests. The dataset's name says what to do: "steps:20:0.05", "hang", "fail", "raise", ..."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from tlcore.errors import Cancelled, DataError
from tlcore.files import write_atomically
from tlcore.runs import EventWriter, Run
from tlcore.spec import AnySpec

JOBS = {"train": "engine_jobs:work", "check": "engine_jobs:work", "measure": "engine_jobs:work"}
PRELOAD = ()
REFUSAL = "engine_jobs:look"


def look(spec: AnySpec, runs_dir: Path) -> None:
    """Refuse one order before it has a folder."""
    if spec.dataset == "never":
        raise DataError("That is never done.", next_step="Choose another.")


def work(run: Run, events: EventWriter) -> dict:
    order, *numbers = run.spec().dataset.split(":")
    return ORDERS[order](run, events, *(float(number) for number in numbers))


def steps(run: Run, events: EventWriter, count: float = 3, seconds: float = 0.0) -> dict:
    """Report each step and note it in a checkpoint, as a training run does."""
    checkpoint = run.path / "checkpoint" / "step"
    checkpoint.parent.mkdir(exist_ok=True)
    first = int(checkpoint.read_text()) if checkpoint.exists() else 0
    if first:
        events.write("resumed", step=first, epoch=0)
    for step in range(first + 1, int(count) + 1):
        if run.cancel_requested():
            raise Cancelled("Cancelled.")
        time.sleep(seconds)
        events.write("step", step=step, steps=int(count), pid=os.getpid(), loss=1 / step)
        write_atomically(checkpoint, str(step))  # killed at any moment, it is whole
    return {
        "steps": int(count),
        "pid": os.getpid(),
        "nice": os.nice(0),
        "spin": os.environ.get("GOMP_SPINCOUNT"),
        "session": os.getsid(0),
    }


def hang(run: Run, events: EventWriter) -> dict:
    """Never look at the cancel file, and have a process of its own."""
    events.write("step", step=1, steps=1, pid=os.getpid(), helper=subprocess.Popen(["sleep", "600"]).pid, loss=None)
    time.sleep(600)
    return {}


def refuse(run: Run, events: EventWriter) -> dict:
    raise DataError("These images cannot be read.", next_step="Choose others.")


def crash(run: Run, events: EventWriter) -> dict:
    print("about to fail")
    raise ValueError("secret detail")


def memory(run: Run, events: EventWriter) -> dict:
    raise MemoryError


def leave(run: Run, events: EventWriter) -> dict:
    raise SystemExit(3)


def interrupt(run: Run, events: EventWriter) -> dict:
    raise KeyboardInterrupt


def die(run: Run, events: EventWriter) -> dict:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


ORDERS = {
    "steps": steps,
    "hang": hang,
    "refuse": refuse,
    "crash": crash,
    "memory": memory,
    "leave": leave,
    "interrupt": interrupt,
    "die": die,
}
