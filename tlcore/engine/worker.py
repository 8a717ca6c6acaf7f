"""The worker: `python -m tlcore.engine.worker RUNS_DIR`. Takes the next run of each lane and gives it a process.

It keeps nothing that the folders do not say, so it may be killed at any time: its children go on, and the next worker
finds them by the locks that they hold.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from tlcore.engine import child
from tlcore.engine.execute import settle
from tlcore.engine.launch import FOLDER, Options, code_digest, somebody_present
from tlcore.engine.queue import Entry, Queue
from tlcore.errors import ThawError
from tlcore.files import Lock, really_holds, sweep_temporaries, write_json
from tlcore.runs import Run, empty_trash

TICK_SECONDS = 0.5  # how often it looks without being woken
HANDOVER_SECONDS = 60.0  # how long it waits for its predecessor to leave
ATTEMPTS = 3  # how often a process for the same run is started in vain


class Worker:
    """The state of one worker: its children, and since when which run has been asked to stop."""

    def __init__(self, runs_dir: Path, options: Options) -> None:
        self.runs_dir = runs_dir
        self.options = options
        self.queue = Queue(runs_dir)
        self.retiring = False
        self._children: dict[str, tuple[Entry, BaseProcess]] = {}
        self._attempts: dict[str, int] = {}
        self._asked: dict[str, float] = {}
        self._idle_since = time.monotonic()
        self._context = _context(options.catalogue)

    def serve(self) -> None:
        """Serve until asked to retire, idle for too long, or the folder is gone. Children are left to go on."""
        folder = self.runs_dir / FOLDER
        code = code_digest()
        with Lock(folder / "lock", timeout_seconds=HANDOVER_SECONDS), _wake_pipe(folder) as pipe:
            identity = (folder / "lock").stat().st_ino
            signal.signal(signal.SIGTERM, lambda *_: self._retire())
            write_json(folder / "about.json", {"pid": os.getpid(), "code": code, "started_at": time.time()})
            self._sweep()
            while not self.retiring:
                self._tick()
                if not _is_still(folder / "lock", identity) or self._idle_for() > self.options.idle_seconds:
                    break
                wait([*pipe, *(process.sentinel for _, process in self._children.values())], TICK_SECONDS)
                for descriptor in pipe:
                    with contextlib.suppress(BlockingIOError):
                        os.read(descriptor, 4096)

    def _tick(self) -> None:
        self._collect()
        entries = self.queue.look()
        held = {entry.run.id: pid for entry in entries if (pid := entry.holder()) is not None}
        for entry in entries:
            if entry.written.state == "running" and entry.run.cancel_requested():
                self._stop(entry, held.get(entry.run.id))
        # Runs of an earlier worker keep their lane. A notebook's run has its own process and holds nobody up.
        busy = {entry.lane for entry in entries if entry.run.id in held and entry.written.own_process}
        busy |= {entry.lane for entry, _ in self._children.values()}
        for entry in entries:
            if entry.written.state == "queued" and entry.lane not in busy and not self.queue.held_back(entry):
                self._start(entry)
                busy.add(entry.lane)
        if busy:
            self._idle_since = time.monotonic()

    def _start(self, entry: Entry) -> None:
        run = entry.run
        self._attempts[run.id] = self._attempts.get(run.id, 0) + 1
        if self._attempts[run.id] > ATTEMPTS:
            error = ThawError(
                "A process for this run could not be started.",
                next_step="Look at the run's log and at the worker's (.worker/log.txt in the folder of runs).",
            )
            settle(run, "failed", error)
            return
        process = self._context.Process(target=child.main, args=(str(run.path), self.options.catalogue), name=run.id)
        try:
            process.start()
        except (OSError, EOFError) as error:  # the fork server has died: the next attempt starts it again
            print(f"{run.id}: {error!r}", file=sys.stderr, flush=True)
            return
        self._children[run.id] = (entry, process)

    def _collect(self) -> None:
        for run_id, (entry, process) in list(self._children.items()):
            if not process.is_alive():
                process.join()
                process.close()
                del self._children[run_id]
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    if entry.run.written_status().state != "queued":
                        self._attempts.pop(run_id, None)

    def _stop(self, entry: Entry, process_id: int | None) -> None:
        """A run was asked to stop: wait for it, kill it after the grace time, and say so where it no longer can."""
        run = entry.run
        if process_id is None:
            settle(run, "cancelled")
            self._asked.pop(run.id, None)
            return
        asked = self._asked.setdefault(run.id, time.monotonic())
        if entry.written.own_process and time.monotonic() - asked > self.options.grace_seconds:
            _kill(run, process_id)

    def _idle_for(self) -> float:
        if somebody_present(self.runs_dir):
            self._idle_since = time.monotonic()
        return time.monotonic() - self._idle_since

    def _retire(self) -> None:
        self.retiring = True  # seen at the next tick

    def _sweep(self) -> None:
        """Remove what killed processes left half made, and what was deleted long ago."""
        sweep_temporaries(self.runs_dir)
        empty_trash(self.runs_dir)
        for unfinished in self.runs_dir.glob(".new-*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - unfinished.stat().st_mtime > 3600:
                    shutil.rmtree(unfinished, ignore_errors=True)


def _context(catalogue: str) -> BaseContext:
    """A fork server that has imported torch already, where forking is safe; elsewhere a new interpreter each time."""
    if not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    preload = importlib.import_module(catalogue).PRELOAD
    context.set_forkserver_preload(["tlcore.engine.child", *preload])
    return context


@contextlib.contextmanager
def _wake_pipe(folder: Path) -> Iterator[list[int]]:
    """The reading end of the FIFO through which submits wake the worker; empty where the file system has none."""
    path = folder / "wake"
    try:
        if not path.exists():
            os.mkfifo(path)
        # Opened for writing too: with a writer of our own it never reads as closed.
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        print(f"no FIFO here ({error}): looking every {TICK_SECONDS} s", file=sys.stderr, flush=True)
        yield []
        return
    try:
        yield [pipe]
    finally:
        os.close(pipe)


def _is_still(path: Path, inode: int) -> bool:
    """False once the folder of runs was removed or made anew: then this worker's lock is worth nothing."""
    try:
        return path.stat().st_ino == inode
    except FileNotFoundError:
        return False


def _kill(run: Run, process_id: int) -> None:
    """End a run's process and what it started. Only the process that has the run's lock open is touched."""
    if really_holds(process_id, run.path / "run.lock"):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process_id) == process_id:
                os.killpg(process_id, signal.SIGKILL)
            else:
                os.kill(process_id, signal.SIGKILL)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tlcore.engine.worker", description=__doc__)
    parser.add_argument("runs_dir", type=Path)
    parser.add_argument("--grace-seconds", type=float, default=Options.grace_seconds)
    parser.add_argument("--idle-seconds", type=float, default=Options.idle_seconds)
    parser.add_argument("--jobs", default=Options.catalogue)
    given = parser.parse_args(arguments)
    options = Options(given.grace_seconds, given.idle_seconds, given.jobs)
    runs_dir = given.runs_dir.resolve()
    try:
        Worker(runs_dir, options).serve()
    except TimeoutError:  # another worker serves this folder
        pass
    except FileNotFoundError:
        if runs_dir.is_dir():
            raise  # otherwise the folder has been removed, and there is nothing left to serve
    # Leaving the usual way would wait for the children, which are to go on.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
