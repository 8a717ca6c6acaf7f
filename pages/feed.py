"""The events of runs as JSON text, read once for all who watch.

A line of `events.jsonl` is checked once and then handed on as it is: thirty browsers at the same run cost thirty
searches in a list, not thirty readings of the file.
"""

from __future__ import annotations

import json
import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tlcore.engine import LocalEngine
from tlcore.runs import Run, open_run

STEPS_AT_ONCE = 2000  # `step` events in one answer; of more, every second, third, ... is sent
RUNS_KEPT = 24  # runs whose events stay in memory
FRESH_SECONDS = 0.25  # a run's state and place are looked up at most this often

T = TypeVar("T")


class Shared:
    """A value that many ask for and that is looked up anew only when it is older than `seconds`."""

    def __init__(self, seconds: float, look: Callable[[], T]) -> None:
        self._seconds, self._look = seconds, look
        self._lock = threading.Lock()
        self._until = 0.0
        self._value: Any = None

    def get(self) -> Any:
        with self._lock:
            if time.monotonic() >= self._until:
                self._value = self._look()
                self._until = time.monotonic() + self._seconds
            return self._value


class Feed:
    """One run's events so far."""

    def __init__(self, run: Run, queued: Callable[[], Mapping[str, Any]]) -> None:
        self._file = run.path / "events.jsonl"
        self._lines: list[str] = []
        self._ends: list[int] = []  # the byte of the file after each line
        self._read = 0
        self._lock = threading.Lock()
        self._standing = Shared(FRESH_SECONDS, lambda: _standing(run, queued))

    def answer(self, since: int) -> str:
        """The events after byte `since`, where to go on, and where the run stands, as JSON."""
        # The state comes first: what a run wrote before it ended is then always in the answer that says so.
        standing = self._standing.get()
        with self._lock:
            self._catch_up()
            start = bisect_right(self._ends, since)
            lines, after = self._lines[start:], self._read
        return f'{{"next": {after}, "events": [{",".join(_thinned(lines))}], {standing}}}'

    def _catch_up(self) -> None:
        try:
            with open(self._file, "rb") as file:
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError:
            return
        for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):
            self._read += len(line)
            try:
                json.loads(line)
            except ValueError:  # the stump of a write that was killed
                continue
            self._lines.append(line.decode().strip())
            self._ends.append(self._read)


class Feeds:
    """The feeds of the runs that are watched; the ones watched longest ago are let go."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._engine = LocalEngine(runs_dir)
        self._feeds: OrderedDict[str, Feed] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, run_id: str, since: int) -> str:
        """The answer of the run's feed. Raises `RunNotFound`."""
        run = open_run(self._runs_dir, run_id)  # each time: it may have been deleted
        with self._lock:
            feed = self._feeds.get(run_id)
            if feed is None:
                feed = self._feeds[run_id] = Feed(run, lambda: self._queued(run_id))
            self._feeds.move_to_end(run_id)
            while len(self._feeds) > RUNS_KEPT:
                self._feeds.popitem(last=False)
        return feed.answer(since)

    def _queued(self, run_id: str) -> dict[str, Any]:
        return {"place": self._engine.place(run_id), "waits_for": self._engine.waits_for(run_id)}


def _standing(run: Run, queued: Callable[[], Mapping[str, Any]]) -> str:
    status = run.status()
    where = queued() if status.state == "queued" else {"place": None, "waits_for": None}
    standing = {"state": status.state, **where, "error": status.error}
    return json.dumps(standing)[1:-1]


def _thinned(lines: list[str]) -> list[str]:
    steps = [i for i, line in enumerate(lines) if line.startswith('{"type":"step"')]
    if len(steps) <= STEPS_AT_ONCE:
        return lines
    every = -(-len(steps) // STEPS_AT_ONCE)
    dropped = {position for i, position in enumerate(steps[:-1]) if i % every}
    return [line for i, line in enumerate(lines) if i not in dropped]
