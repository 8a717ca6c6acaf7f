"""The process of one run: set apart from the server and the worker, so that whatever happens to it stays with it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from tlcore.engine.execute import execute
from tlcore.runs import Run

NICENESS = 10  # the server and the person's other programs come first
OOM_SCORE = 500  # of 1000: when the machine runs out of memory, the kernel ends a run, not the server


def main(path: str, catalogue: str) -> None:
    """Run the job of the run in the folder `path`; what it prints goes to the folder's log."""
    os.setsid()  # a group of its own: a kill reaches the processes it started too, and nothing else
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # not on this system, or not allowed here
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    run = Run(Path(path))
    log = os.open(run.path / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log, stream.fileno())
    os.close(log)
    execute(run, own_process=True, catalogue=catalogue)
