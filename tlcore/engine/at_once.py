"""Several foreground runs at once, in processes of their own that share the processor's cores between them.

Small runs gain by it: two threads on one small batch wait for each other much of the time, while two runs of one thread each do
not. The number of threads decides the order of sums, so a run gives the same numbers as another one of as many threads, and
those of other numbers of threads but for rounding.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from tlcore.engine.foreground import run
from tlcore.errors import Cancelled, ThawError
from tlcore.spec import AnySpec
from tlcore.training.processor import cpu_threads

Ended = dict[str, Any] | ThawError  # a run's result, or why there is none


def run_at_once(specs: Sequence[AnySpec], *, runs_dir: Path, processes: int) -> Iterator[tuple[int, Ended]]:
    """Run `specs`, at most `processes` at a time, and yield the place of each with its outcome as soon as it ends.

    On leaving early those that have not begun are dropped. Raises `ThawError` where a process was killed from outside, as the
    system does when memory runs out; what had ended by then is kept.
    """
    threads = max(1, cpu_threads() // processes)
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _share, (threads,))
    try:
        places = {pool.submit(_outcome, spec, runs_dir): place for place, spec in enumerate(specs)}
        for done in as_completed(places):
            try:
                yield places[done], _read(done.result())
            except BrokenProcessPool as error:
                raise ThawError(
                    f"One of the {processes} processes was ended from outside, perhaps because memory ran out.",
                    next_step="Start it again with fewer at once: what is done is kept.",
                ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _share(threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before torch is imported


def _outcome(spec: AnySpec, runs_dir: Path) -> tuple[str, dict[str, Any]]:
    """In the process: what happened, as plain data, since an error of ours need not survive the way between processes."""
    try:
        return "done", run(spec, runs_dir=runs_dir, progress=False)
    except Cancelled as error:
        return "cancelled", error.as_dict()
    except ThawError as error:
        return "failed", error.as_dict()


def _read(outcome: tuple[str, dict[str, Any]]) -> Ended:
    state, told = outcome
    if state == "done":
        return told
    return (Cancelled if state == "cancelled" else ThawError)(told["message"], next_step=told["next_step"])
