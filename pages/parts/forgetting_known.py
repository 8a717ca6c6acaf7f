"""What is known of what runs forgot: what each run says itself, and what the forgetting job found. No Streamlit in here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pages.parts.summary import Summary, summaries
from tlcore.compare.images import ImageDifference, paired_over_images
from tlcore.figures.forgetting_trade_off import Measured
from tlcore.figures.forgetting_words import Source, first_source, is_measured
from tlcore.figures.words import rate, strategy_title, times
from tlcore.runs import Run, finished_training
from tlcore.settings import runs_dir
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.strategies import preset

Setting = tuple[object, ...]


@dataclass(frozen=True)
class Looked:
    """A finished training run, and the newest that was asked about it."""

    run: Run
    spec: RunSpec
    result: Mapping[str, Any]
    asked: Summary | None = None  # the newest forgetting job about it, however it stands
    done: Run | None = None  # the newest one that is done
    found: Mapping[str, Any] | None = None  # its result

    @property
    def carried(self) -> dict[str, Source]:
        """Those that the run itself measured: the same images before training, after each epoch and at the end."""
        return _known(self.result.get("source"))

    @property
    def measured(self) -> dict[str, Source]:
        """By name: what the job found, and of what it did not ask what the run itself measured."""
        return self.carried | _known((self.found or {}).get("sources"))


def looked(run_id: str) -> Looked:
    """All that is known of a run. Raises `RunNotFound`, and `SpecError` for one that is not done or trained nothing."""
    run, spec, result = finished_training(runs_dir(), run_id)
    jobs = jobs_about(run_id)
    for job in jobs:
        if job.state == "done" and (found := job.run.result()) is not None:
            return Looked(run, spec, result, jobs[0], job.run, found)
    return Looked(run, spec, result, jobs[0] if jobs else None)


def jobs_about(run_id: str) -> list[Summary]:
    """The forgetting jobs about a run, the newest first."""
    return [job for job in summaries("forgetting") if isinstance(job.spec, ForgettingSpec) and job.spec.run_id == run_id]


def finished_runs() -> list[tuple[Summary, RunSpec]]:
    """The training runs that can be asked, the newest first."""
    return [(run, run.spec) for run in summaries() if run.state == "done" and isinstance(run.spec, RunSpec)]


# --- a linear probe of the same data, to hold a gain against


def over_probe(here: Looked) -> tuple[ImageDifference, Summary] | None:
    """How much more than a linear probe the run names rightly, image by image; None where there is none to hold against."""
    probe = probe_of(here)
    if probe is None:
        return None
    apart = paired_over_images([here.run.path], [probe.run.path], over=here.result.get("intervals_over", "images"))
    return None if apart is None else (apart, probe)


def probe_of(here: Looked) -> Summary | None:
    """The newest linear probe with the same data, size and seed; None for a run that moved nothing but its head."""
    if here.spec.strategy.scope.kind == "head":
        return None
    for summary, spec in finished_runs():
        probe = spec.strategy == preset("linear-probe") and spec.head == "linear"
        if probe and spec.seed == here.spec.seed and setting_of(spec) == setting_of(here.spec):
            return summary
    return None


# --- all runs side by side


def measured_runs() -> Iterator[tuple[Summary, RunSpec, dict[str, Source], Mapping[str, Any]]]:
    """The finished runs of which any source was measured, the oldest first, with their sources and test accuracy."""
    asked: dict[str, Summary] = {}
    for job in reversed(summaries("forgetting")):
        if job.state == "done" and isinstance(job.spec, ForgettingSpec):
            asked[job.spec.run_id] = job
    for summary, spec in reversed(finished_runs()):
        accuracy, own = _brief(summary.run, "source")
        job = asked.get(summary.id)
        # What runs carried comes first: all of them were asked the same images, and a job about one may have asked others.
        known = _known(_brief(job.run, "sources")[1] if job else None) | _known(own)
        if known and accuracy is not None:
            yield summary, spec, known, accuracy


def comparable(spec: RunSpec, source: str) -> list[Measured]:
    """The runs on the same data at the same size whose knowledge of `source` was measured, the oldest first."""
    found = [one for one in measured_runs() if source in one[2] and setting_of(one[1]) == setting_of(spec)]
    besides = [_besides(own) for _, own, _, _ in found]
    shared = set.intersection(*map(set, besides)) if besides else set()
    runs = []
    for (summary, own, known, accuracy), words in zip(found, besides, strict=True):
        family, *changed = strategy_title(own.strategy).split(", ")
        form = ", ".join([family, *changed])
        others = ", ".join(word for word in words if word not in shared)
        control = own.strategy.start.kind == "random"
        runs.append(Measured(summary.id, form, family, own.seed, accuracy, known[source]["lost"], control, others))
    return runs


def settings_measured() -> list[tuple[RunSpec, str, int]]:
    """For each setting in which runs were measured: one of its specs, its first source, and how many runs; the most first."""
    counted: dict[tuple[Setting, str], list[RunSpec]] = {}
    for _, spec, known, _ in measured_runs():
        source = first_source(known)
        assert source is not None
        counted.setdefault((setting_of(spec), source), []).append(spec)
    return sorted(((own[0], source, len(own)) for (_, source), own in counted.items()), key=lambda one: -one[2])


def setting_of(spec: RunSpec) -> Setting:
    """What runs must share to stand in one picture: data, backbone and what it starts from, size and number of images."""
    start = spec.strategy.start
    began = getattr(start, "run_id", "")
    return spec.dataset, spec.labels, spec.backbone, spec.weights, spec.image_size, spec.images_per_class, began


def _besides(spec: RunSpec) -> list[str]:
    """What besides its strategy would give a run other numbers: its length, its rate, its optimizer, its head."""
    usual = RunSpec.model_fields["head"].default
    head = [] if spec.head == usual else [f"{spec.head} head"]
    augmented = [] if spec.augment else ["no augmentation"]
    return [times(spec.epochs, "epoch"), f"rate {rate(spec.lr)}", spec.optimizer.upper(), *head, *augmented]


def _known(sources: Mapping[str, Source] | None) -> dict[str, Source]:
    """Those that have numbers."""
    return {name: one for name, one in (sources or {}).items() if one and is_measured(one)}


def _brief(run: Run, key: str) -> tuple[Mapping[str, Any] | None, Mapping[str, Source] | None]:
    file = run.path / "result.json"
    try:
        return _read(file, file.stat().st_mtime_ns, key)
    except (OSError, ValueError, KeyError, TypeError):  # deleted just now, or of another version
        return None, None


@lru_cache(maxsize=4096)
def _read(file: Path, _changed: int, key: str) -> tuple[Mapping[str, Any] | None, Mapping[str, Source] | None]:
    """A result's test accuracy, and its sources without their images."""
    result = Run(file.parent).result() or {}
    kept = ("title", "measure", "images", "chance", "before", "after", "lost", "knn")
    sources = {name: {one: source.get(one) for one in kept} for name, source in (result.get(key) or {}).items() if source}
    return (result.get("test") or {}).get("accuracy"), sources
