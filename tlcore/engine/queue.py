"""Who waits and who runs, read from the folders of runs. The oldest waits first; each lane has a line of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tlcore.errors import ThawError
from tlcore.files import holder
from tlcore.runs import FINISHED, Run, Status, all_runs
from tlcore.spec import Lane, RunSpec
from tlcore.strategies.start import FromRun


@dataclass(frozen=True)
class Entry:
    """One run as its folder described it at the last look."""

    run: Run
    lane: Lane
    written: Status
    mark: tuple[int, int]  # identity and time of its state file: the same mark, the same content
    after: str | None = None  # the run that it starts from

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

    def held_back(self, entry: Entry) -> bool:
        """Whether the run that it starts from has still to end: one of a chain waits for the one before, a lost one too.

        One whose start was deleted waits for nobody: its job says what is missing.
        """
        return self.before(entry) is not None

    def before(self, entry: Entry) -> Entry | None:
        """The run that it starts from, where that has still to end."""
        before = self._seen.get(entry.after or "")
        return None if before is None or before.written.state in FINISHED else before

    def _entry(self, run: Run) -> Entry | None:
        try:
            file = (run.path / "state.json").stat()
            mark = (file.st_ino, file.st_mtime_ns)
            known = self._seen.get(run.id)
            if known is not None and known.mark == mark:
                return known
            lane, after = (known.lane, known.after) if known else _asked(run)
            return Entry(run, lane, run.written_status(), mark, after)
        except (FileNotFoundError, ValueError, TypeError):  # deleted meanwhile, or not a folder of ours
            return None


def _asked(run: Run) -> tuple[Lane, str | None]:
    """The lane of a run, and the run that it starts from."""
    try:
        spec = run.spec()
    except ThawError:  # a spec of another version: its job says so at once, and holds nobody up
        return "quick", None
    start = spec.strategy.start if isinstance(spec, RunSpec) else None
    return spec.lane, start.run_id if isinstance(start, FromRun) else None
