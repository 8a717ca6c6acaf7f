"""The training runs that a folder has, found again by what they do: whatever is there already is not run twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tlcore.errors import ThawError
from tlcore.runs import FINISHED, Run, StateName, all_runs
from tlcore.spec import MeasureSpec, RunSpec

_RANK: dict[StateName, int] = {"done": 0, "running": 1, "queued": 2}  # what counts as there; the better one first


@dataclass(frozen=True)
class Known:
    """A run that is done, or on its way."""

    run: Run
    spec: RunSpec
    state: StateName


def identity(spec: RunSpec) -> str:
    """A digest of what a run does: two runs that differ in their strategy's name alone do the same."""
    return spec.model_copy(update={"strategy": spec.strategy.model_copy(update={"name": "x"})}).digest()


class KnownRuns:
    """One look at a folder of runs."""

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self._by_identity: dict[str, Known] = {}
        self._measured: dict[str, Run] = {}
        for run in all_runs(runs_dir):  # the newest first: of equals it stays
            spec, digest = _spec_of(run.path)
            if isinstance(spec, MeasureSpec):
                self._measured.setdefault(digest, run)  # by what is measured, whatever number of epochs it was asked for
            elif spec is not None:
                self._note(digest, run, spec)

    def _note(self, digest: str, run: Run, spec: RunSpec) -> None:
        try:
            state = _state_of(run)
        except (OSError, ValueError, TypeError):  # deleted just now, or of another version
            return
        before = self._by_identity.get(digest)
        if state in _RANK and (before is None or _RANK[state] < _RANK[before.state]):
            self._by_identity[digest] = Known(run, spec, state)

    def find(self, spec: RunSpec, *, done_only: bool = False) -> Known | None:
        """A run that does what `spec` says: done, else on its way."""
        known = self._by_identity.get(identity(spec))
        return None if known is None or (done_only and known.state != "done") else known

    def done(self) -> Iterator[Known]:
        """Those that are done, the newest first."""
        return (known for known in self._by_identity.values() if known.state == "done")

    def measurement(self, spec: MeasureSpec) -> Run | None:
        """The newest measurement of `spec`, of any number of epochs, however it stands."""
        return self._measured.get(_measured_thing(spec))


def _state_of(run: Run) -> StateName:
    """Where a run stands. One that has ended stays so: its file is read again only when it changed."""
    written = _written_state(run.path, (run.path / "state.json").stat().st_mtime_ns)
    return written if written in FINISHED else run.status().state


@lru_cache(maxsize=16_384)
def _written_state(path: Path, _mark: int) -> StateName:
    return Run(path).written_status().state


@lru_cache(maxsize=16_384)
def _spec_of(path: Path) -> tuple[RunSpec | MeasureSpec | None, str]:
    """A run's spec, which never changes, and what it is found by; None for another kind, or another version's."""
    try:
        spec = Run(path).spec()
    except (ThawError, OSError, ValueError):
        return None, ""
    if isinstance(spec, RunSpec):
        return spec, identity(spec)
    return (spec, _measured_thing(spec)) if isinstance(spec, MeasureSpec) else (None, "")


def _measured_thing(spec: MeasureSpec) -> str:
    return spec.model_copy(update={"run": spec.run.model_copy(update={"epochs": 1})}).digest()
