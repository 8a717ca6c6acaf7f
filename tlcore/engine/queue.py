"""Who waits and who runs, read from the folders of runs. The oldest waits first; each lane has a line of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tlcore.errors import ThawError
from tlcore.files import holder
from tlcore.runs import Run, Status, all_runs
from tlcore.spec import Lane


@dataclass(frozen=True)
class Entry:
    """One run as its folder described it at the last look."""

    run: Run
    lane: Lane
    written: Status
    mark: tuple[int, int]  # identity and time of its state file: the same mark, the same content

    def holder(self) -> int | None:
        """The process that runs it, or None."""
        return holder(self.run.path / "run.lock") if self.written.state == "running" else None


class Queue:
    """A view of a folder of runs that reads again only what has changed, so that it can be asked often."""

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self._seen: dict[str, Entry] = {}

    def look(self) -> list[Entry]:
        """Every run that can be read, those that have waited longest first."""
        fresh = {}
        for run in all_runs(self.runs_dir):
            entry = self._entry(run)
            if entry is not None:
                fresh[run.id] = entry
        self._seen = fresh  # replaced whole: threads that look at the same time disturb nobody
        return sorted(fresh.values(), key=lambda entry: (entry.written.queued_at, entry.run.id))

    def waiting(self) -> list[Entry]:
        return [entry for entry in self.look() if entry.written.state == "queued"]

    def _entry(self, run: Run) -> Entry | None:
        try:
            file = (run.path / "state.json").stat()
            mark = (file.st_ino, file.st_mtime_ns)
            known = self._seen.get(run.id)
            if known is not None and known.mark == mark:
                return known
            return Entry(run, known.lane if known else _lane(run), run.written_status(), mark)
        except (FileNotFoundError, ValueError, TypeError):  # deleted meanwhile, or not a folder of ours
            return None


def _lane(run: Run) -> Lane:
    try:
        return run.spec().lane
    except ThawError:  # a spec of another version: its job says so at once, and holds nobody up
        return "quick"
