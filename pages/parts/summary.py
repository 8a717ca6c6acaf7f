"""Runs in brief, for lists: read once from their folders, and again only when a folder has changed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from pages.parts.statewords import backbone_name, dataset_name, run_title
from tlcore.errors import DataError, RunNotFound, SpecError, ThawError, UnknownName
from tlcore.figures.words import settings, strategy_title
from tlcore.runs import Run, StateName, Status, all_runs
from tlcore.settings import runs_dir
from tlcore.spec import AnySpec, RunSpec

_REFUSALS = {kind.__name__ for kind in (SpecError, UnknownName, DataError, RunNotFound)}  # as a run's folder names them


@dataclass(frozen=True)
class Summary:
    """One run as a list shows it. Strings are as people wrote them: not yet safe for Markdown."""

    run: Run
    spec: AnySpec
    status: Status
    accuracy: dict[str, Any] | None = None  # value, low, high on the test split
    auroc: dict[str, Any] | None = None
    curve: tuple[float, ...] = ()  # validation accuracy by epoch

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def state(self) -> StateName:
        return self.status.state

    @property
    def refused(self) -> bool:
        """Whether what was asked for could not be done, so that nothing trained."""
        return self.state == "failed" and (self.status.error or {}).get("type") in _REFUSALS

    @property
    def title(self) -> str:
        return run_title(self.spec)

    @property
    def strategy(self) -> str:
        return strategy_title(self.spec.strategy) if isinstance(self.spec, RunSpec) else ""

    @property
    def dataset(self) -> str:
        about = self.run.subject()
        return "" if about is None else dataset_name(about.dataset)

    @property
    def label(self) -> str:
        """The end of its id: short, and enough to tell apart runs that are otherwise alike."""
        return self.id[-4:]

    @property
    def backbone(self) -> str:
        spec = self.run.subject()
        return backbone_name(spec.backbone) if isinstance(spec, RunSpec) else ""

    @property
    def settings(self) -> str:
        """What tells runs of the same strategy on the same data apart."""
        return settings(self.spec) if isinstance(self.spec, RunSpec) else ""

    @property
    def seconds(self) -> float | None:
        """How long it ran, or has run so far; None before it began and where that is not known (a lost run)."""
        if self.status.started_at is None or self.state in ("lost", "queued"):
            return None
        return (self.status.ended_at or time.time()) - self.status.started_at


_lock = threading.Lock()
_known: dict[str, tuple[tuple[int, ...], Summary]] = {}


def summaries(kind: str = "train") -> list[Summary]:
    """The runs of that kind, the newest first. A folder that cannot be read as a run is left out."""
    found = [_summary(run) for run in all_runs(runs_dir())]
    return [summary for summary in found if summary is not None and summary.spec.kind == kind]


def newest(spec: AnySpec) -> Summary | None:
    """The newest run of exactly that spec, however it stands."""
    return next((s for s in summaries(spec.kind) if s.spec == spec), None)


def finished(spec: AnySpec) -> Summary | None:
    """The newest finished run of exactly that spec: its answer holds, and need not be computed again."""
    return next((s for s in summaries(spec.kind) if s.state == "done" and s.spec == spec), None)


def active(spec: AnySpec) -> Summary | None:
    """The run of exactly that spec that waits or runs now."""
    return next((s for s in summaries(spec.kind) if s.state in ("queued", "running") and s.spec == spec), None)


def _summary(run: Run) -> Summary | None:
    try:
        mark = _mark(run)
        with _lock:
            before = _known.get(run.path.as_posix())
        if before is not None and before[0] == mark:
            summary = before[1]
            # Who holds the lock is not in any file's time: a run that says "running" is looked at each time.
            return replace(summary, status=run.status()) if summary.state in ("running", "lost") else summary
        summary = _read(run)
    except (OSError, ValueError, KeyError, TypeError, ThawError):  # deleted meanwhile, or of another version
        return None
    with _lock:
        _known[run.path.as_posix()] = (mark, summary)
    return summary


def _mark(run: Run) -> tuple[int, ...]:
    times = []
    for name in ("state.json", "result.json", "events.jsonl"):
        try:
            stat = (run.path / name).stat()
            times += [stat.st_mtime_ns, stat.st_ino, stat.st_size if name != "events.jsonl" else 0]
        except FileNotFoundError:
            times += [0, 0, 0]
    if times[3]:  # once there is a result, the events say nothing new
        times[6] = 0
    return tuple(times)


def _read(run: Run) -> Summary:
    spec, status = run.spec(), run.status()
    result = run.result() if spec.kind == "train" else None
    if result is not None:
        test = result["test"]
        return Summary(run, spec, status, test.get("accuracy"), test.get("auroc"), _curve(result.get("history", [])))
    epochs = [event for event in run.events()[0] if event["type"] == "epoch"] if spec.kind == "train" else []
    return Summary(run, spec, status, curve=_curve(epochs))


def _curve(epochs: list[dict[str, Any]]) -> tuple[float, ...]:
    values = [event["val"].get("accuracy") for event in epochs]
    return tuple(value for value in values if value is not None)
