"""What is known of where runs look: what the explain jobs about each found. No Streamlit in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pages.parts.finished_choice import finished_runs
from pages.parts.summary import Summary, summaries
from tlcore.explain.looks import FORMAT
from tlcore.runs import Run, finished_training
from tlcore.settings import runs_dir
from tlcore.spec import AnySpec, ExplainSpec, RunSpec


@dataclass(frozen=True)
class Answer:
    """An explain job that is done, and what it found."""

    run: Run
    spec: ExplainSpec
    found: Mapping[str, Any]


@dataclass(frozen=True)
class Explained:
    """A finished training run, and the maps that were asked of it."""

    run: Run
    spec: RunSpec
    result: Mapping[str, Any]
    jobs: tuple[Summary, ...] = ()  # the explain jobs about its dataset's images, the newest first, however they stand
    answers: tuple[Answer, ...] = ()  # of those that are done
    shown: Answer | None = None  # the one that is read here
    alone: bool = False  # whether a link means it

    @property
    def outdated(self) -> int:
        """How many explanations are done and were told as another version of Thaw tells them."""
        return sum(job.state == "done" for job in self.jobs) - len(self.answers)

    @property
    def galleries(self) -> tuple[Answer, ...]:
        """The answers whose images are there to be looked at, the newest first; failing these what there is."""
        return tuple(one for one in self.answers if not tests_only(one.spec)) or self.answers

    def evidence(self, kind: str) -> Answer | None:
        """The answer that tested the maps shown: its own, else that of the most networks, of equals the newest."""
        if self.shown is None:
            return None
        maps = maps_of(self.shown.spec, kind)
        alike = [one for one in self.answers if kind in one.spec.belief and maps_of(one.spec, kind) == maps]
        own = [one for one in alike if one.run.id == self.shown.run.id]
        return max(own or alike, key=lambda one: len(one.found["looks"]), default=None)

    def testing(self, kind: str) -> Summary | None:
        """The newest job that was asked for this kind of evidence about the maps shown, however it stands."""
        if self.shown is None:
            return None
        maps = maps_of(self.shown.spec, kind)
        return next((job for job in self.jobs if kind in job.spec.belief and maps_of(job.spec, kind) == maps), None)


def explained(run_id: str, job_id: str | None = None) -> Explained:
    """All that is known of a run; of the explain jobs one alone where it is named.

    Raises `RunNotFound`, and `SpecError` for a run that is not done or trained nothing.
    """
    run, spec, result = finished_training(runs_dir(), run_id)
    jobs = tuple(jobs_about(run_id))
    answers = tuple(answer for job in jobs if job.state == "done" and (answer := _answer(job)) is not None)
    here = Explained(run, spec, result, jobs, answers, alone=job_id is not None)
    shown = next((one for one in here.galleries if job_id in (None, one.run.id)), None)
    if shown is None:  # a link means a job that only tests maps, or one that gave no answer
        shown = next((one for one in answers if one.run.id == job_id), None)
    return Explained(run, spec, result, jobs, answers, shown, here.alone and shown is not None)


def jobs_about(run_id: str) -> list[Summary]:
    """The explain jobs about a run and images of its dataset, the newest first."""
    found = [
        job
        for job in summaries("explain")
        if isinstance(job.spec, ExplainSpec) and job.spec.run_id == run_id and job.spec.picture is None
    ]
    return sorted(found, key=lambda job: job.status.queued_at, reverse=True)  # ids tell the second alone


def tests_only(spec: AnySpec) -> bool:
    """Whether maps are to be tested and not looked at: as this page asks for evidence."""
    return isinstance(spec, ExplainSpec) and bool(spec.belief) and spec.each == 1 and not spec.ids


def may_stand_beside(run: Run) -> list[Summary]:
    """The other finished runs of the same classes, those on the same dataset first, each kind the newest first."""
    classes, dataset = (result_of(run) or {}).get("classes"), getattr(run.spec(), "dataset", None)
    others = [
        (other, spec)
        for other, spec in finished_runs()
        if other.id != run.id and classes is not None and (result_of(other.run) or {}).get("classes") == classes
    ]
    return [summary for summary, spec in sorted(others, key=lambda pair: pair[1].dataset != dataset)]


def maps_of(spec: ExplainSpec, kind: str) -> tuple[object, ...]:
    """What must be the same for evidence of one kind about an explanation's maps to hold for another's."""
    layer = "last" if spec.layer == "all" else spec.layer  # of all layers the last one is tested
    return spec.method, spec.split, layer, spec.target, spec.against, spec.region if kind == "inside" else None


def _answer(job: Summary) -> Answer | None:
    found = result_of(job.run)
    assert isinstance(job.spec, ExplainSpec)
    return Answer(job.run, job.spec, found) if found is not None and found.get("format") == FORMAT else None


def result_of(run: Run) -> Mapping[str, Any] | None:
    """A run's result, read once for as long as its file stays the same."""
    file = run.path / "result.json"
    try:
        return _read(file, file.stat().st_mtime_ns)
    except OSError:  # deleted just now
        return None


@lru_cache(maxsize=128)
def _read(file: Path, _changed: int) -> Mapping[str, Any] | None:
    return Run(file.parent).result()
