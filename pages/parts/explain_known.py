"""What is known of where runs look: what the explain jobs about each found. No Streamlit in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pages.parts.summary import Summary, summaries
from tlcore.explain.looks import RUN
from tlcore.runs import Run, finished_training
from tlcore.settings import runs_dir
from tlcore.spec import ExplainSpec, RunSpec


@dataclass(frozen=True)
class Answer:
    """An explain job that is done, and what it found."""

    run: Run
    spec: ExplainSpec
    found: Mapping[str, Any]

    @property
    def layer(self) -> str | None:
        """The last layer group that it looked at: the one that its evidence is about."""
        return next((one["layer"] for one in reversed(self.found["maps"]) if one["look"] == RUN), None)

    @property
    def is_evidence(self) -> bool:
        """Whether it was asked to test maps and not for maps to look at: as the page asks for evidence."""
        return bool(self.spec.belief) and self.spec.each == 1 and not self.spec.ids


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
    def asked(self) -> Summary | None:
        """The newest job."""
        return self.jobs[0] if self.jobs else None

    @property
    def galleries(self) -> tuple[Answer, ...]:
        """The answers whose images are there to be looked at, the newest first; failing these what there is."""
        return tuple(one for one in self.answers if not one.is_evidence) or self.answers


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
    return [
        job
        for job in summaries("explain")
        if isinstance(job.spec, ExplainSpec) and job.spec.run_id == run_id and job.spec.picture is None
    ]


def finished_runs() -> list[tuple[Summary, RunSpec]]:
    """The training runs that can be asked, the newest first."""
    return [(run, run.spec) for run in summaries() if run.state == "done" and isinstance(run.spec, RunSpec)]


def _answer(job: Summary) -> Answer | None:
    file = job.run.path / "result.json"
    try:
        found = _read(file, file.stat().st_mtime_ns)
    except OSError:  # deleted just now
        return None
    assert isinstance(job.spec, ExplainSpec)
    return None if found is None else Answer(job.run, job.spec, found)


@lru_cache(maxsize=64)
def _read(file: Path, _changed: int) -> Mapping[str, Any] | None:
    return Run(file.parent).result()
