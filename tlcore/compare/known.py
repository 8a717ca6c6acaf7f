"""The training runs that a folder has, found again by what they do: what is there already is not run twice.

Only a run that was made as one of today would be (`tlcore/made_with.py`) counts as there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tlcore.errors import ThawError
from tlcore.made_with import MADE_WITH, MadeWith
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
    """A digest of what a run trains: two that differ in their strategy's name, or in what is asked or kept beside, do the
    same."""
    plain = spec.training_alone()
    return plain.model_copy(update={"strategy": spec.strategy.model_copy(update={"name": "x"})}).digest()


def carries(spec: RunSpec, wanted: RunSpec) -> bool:
    """Whether a run of `spec` keeps all that `wanted` does, and asks all of what was known before: on as many images, if
    anything is asked."""
    asks_all = set(wanted.source_probes) <= set(spec.source_probes) and spec.keep_epochs >= wanted.keep_epochs
    return asks_all and (not wanted.source_probes or spec.source_images == wanted.source_images)


def made_with(run: Run) -> MadeWith | None:
    """What made a finished run's result; None where it does not say."""
    file = run.path / "result.json"
    try:
        return _made_with(file, file.stat().st_mtime_ns)
    except (OSError, ValueError, AttributeError):
        return None


def is_of_today(run: Run) -> bool:
    """Whether a finished run's numbers are those that the same spec would give today."""
    return made_with(run) == MADE_WITH


class KnownRuns:
    """One look at a folder of runs."""

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self._by_identity: dict[str, list[Known]] = defaultdict(list)  # the newest first
        self._measured: dict[str, Run] = {}
        for run in all_runs(runs_dir):  # the newest first
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
        if state in _RANK:
            self._by_identity[digest].append(Known(run, spec, state))

    def find(self, spec: RunSpec, *, done_only: bool = False) -> Known | None:
        """The newest run that does what `spec` says and gives what it would give today: done, else on its way."""
        there = [one for one in self._alike(spec) if one.state != "done" or is_of_today(one.run)]
        best = min(there, key=lambda one: _RANK[one.state], default=None)
        return None if best is None or (done_only and best.state != "done") else best

    def outdated(self, spec: RunSpec) -> Known | None:
        """The newest finished run of `spec` whose numbers are no longer what it would give."""
        return next((one for one in self._alike(spec) if one.state == "done" and not is_of_today(one.run)), None)

    def done(self) -> Iterator[Known]:
        """Those that are done, whatever made them: of each kind the newest."""
        for alike in self._by_identity.values():
            yield from [one for one in alike if one.state == "done"][:1]

    def _alike(self, spec: RunSpec) -> list[Known]:
        return [one for one in self._by_identity.get(identity(spec), []) if carries(one.spec, spec)]

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
def _made_with(file: Path, _mark: int) -> MadeWith | None:
    return json.loads(file.read_bytes()).get("made_with")


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
