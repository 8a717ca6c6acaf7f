"""How a job speaks: events at a bearable rate, and a look at every one of them whether somebody wants it to stop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tlcore.errors import Cancelled
from tlcore.runs import EventWriter, Run

SECONDS_BETWEEN = 0.25  # between two `step` events, and between two `progress` events about the same thing


class Reporter:
    """Writes a run's events. `progress` fits `tlcore.progress.Progress`; everything here raises `Cancelled` when asked to."""

    def __init__(self, run: Run, events: EventWriter) -> None:
        self._run = run
        self._events = events
        self._last: dict[str, float] = {}

    @property
    def runs_dir(self) -> Path:
        """The folder of the run's folder, where the runs that it names are."""
        return self._run.path.parent

    def check(self) -> None:
        """Raise `Cancelled` where the run's folder asks for it."""
        if self._run.cancel_requested():
            raise Cancelled("The run was cancelled.")

    def progress(self, what: str, done: int, total: int, unit: str) -> None:
        """Report progress: the first and the last word about a thing at once, those between at most 4 times a second."""
        self.check()
        if (total and done >= total) or self._due(what):
            self._events.write("progress", what=what, done=done, total=total, unit=unit)

    def notice(self, text: str, level: str = "info") -> None:
        self._events.write("notice", level=level, text=text)

    def write(self, kind: str, **fields: Any) -> None:
        self._events.write(kind, **fields)

    def pass_on(self, event: dict[str, Any]) -> None:
        """Write an event of `fit`, thinned where it is one of many."""
        self.check()
        fields = {name: value for name, value in event.items() if name != "type"}
        if event["type"] == "progress":
            self.progress(**fields)
        elif event["type"] != "step" or self._due("step"):
            self._events.write(event["type"], **fields)
        if event["type"] == "epoch":
            self._events.sync()

    def _due(self, what: str) -> bool:
        now = time.monotonic()
        if now - self._last.get(what, -SECONDS_BETWEEN) < SECONDS_BETWEEN:
            return False
        self._last[what] = now
        return True
