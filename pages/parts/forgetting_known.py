"""What is known of what runs forgot: what each run says itself, and what forgetting jobs found. No Streamlit in here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pages.parts.finished_choice import finished_runs
from pages.parts.summary import Summary, summaries
from tlcore.compare.images import ImageDifference, paired_over_images
from tlcore.figures.forgetting_trade_off import Measured
from tlcore.figures.forgetting_words import Source, by_loss, is_measured
from tlcore.figures.words import rate, strategy_title, times
from tlcore.runs import Run, finished_training
from tlcore.settings import runs_dir
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.strategies import preset

Setting = tuple[object, ...]


@dataclass(frozen=True)
class Answer:
    """A forgetting job that is done, and what it found."""

    run: Run
    found: Mapping[str, Any]

    @property
    def sources(self) -> dict[str, Source]:
        return _known(self.found["sources"])


@dataclass(frozen=True)
class Looked:
    """A finished training run, and what was asked about it."""

    run: Run
    spec: RunSpec
    result: Mapping[str, Any]
    asked: Summary | None = None  # the newest forgetting job about it, however it stands
    answers: tuple[Answer, ...] = ()  # of those that are done, the newest first; one alone where a link means it
    alone: bool = False  # whether a link means one of them
    done: Run | None = None  # the one that is read here
    found: Mapping[str, Any] | None = None  # its result

    @property
    def carried(self) -> dict[str, Source]:
        """Those that the run itself measured: the same images before training, after each epoch and at the end."""
        return _known(self.result.get("source"))

    @property
    def measured(self) -> dict[str, Source]:
        """By name: what a job found, unless the run itself measured more images of it."""
        names = dict.fromkeys(name for answer in self.answers for name in answer.sources)
        found = {name: best.sources[name] for name in names if (best := fullest(self.answers, name)) is not None}
        carried = self.carried
        fewer = {name for name in found.keys() & carried.keys() if found[name]["images"] < carried[name]["images"]}
        return carried | {name: one for name, one in found.items() if self.alone or name not in fewer}

    def about(self, source: str) -> Looked:
        """With the fullest answer about a source: that of the most images, then of the most points, then the newest."""
        return self._reading(fullest(self.answers, source))

    def having(self, section: str) -> Looked:
        """With the fullest answer that has a section: "relearn", "matrix" or "groups"."""
        return self._reading(_most(self.answers, lambda answer: _told(answer.found.get(section))))

    def _reading(self, answer: Answer | None) -> Looked:
        return self if answer is None else replace(self, done=answer.run, found=answer.found)


def fullest(answers: Sequence[Answer], source: str) -> Answer | None:
    """Of the answers about a source, the newest first, the one of the most images, then of the most points on the path."""
    return _most(
        answers, lambda one: (one.sources[source]["images"], len(one.found["points"])) if source in one.sources else ()
    )


def looked(run_id: str, job_id: str | None = None) -> Looked:
    """All that is known of a run; of the forgetting jobs one alone where it is named.

    Raises `RunNotFound`, and `SpecError` for a run that is not done or trained nothing.
    """
    run, spec, result = finished_training(runs_dir(), run_id)
    jobs = jobs_about(run_id)
    answers = tuple(
        Answer(job.run, found)
        for job in jobs
        if job.state == "done" and job_id in (None, job.id) and (found := job.run.result()) is not None
    )
    here = Looked(run, spec, result, jobs[0] if jobs else None, answers, job_id is not None)
    return replace(here, done=answers[0].run, found=answers[0].found) if answers else here


def jobs_about(run_id: str) -> list[Summary]:
    """The forgetting jobs about a run, the newest first."""
    return [job for job in summaries("forgetting") if isinstance(job.spec, ForgettingSpec) and job.spec.run_id == run_id]


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
    asked: dict[str, dict[str, Source]] = {}
    for job in summaries("forgetting"):  # the newest first, and of one source the most images
        if job.state == "done" and isinstance(job.spec, ForgettingSpec):
            found = asked.setdefault(job.spec.run_id, {})
            for name, one in _known(_brief(job.run, "sources")[1]).items():
                if name not in found or one["images"] > found[name]["images"]:
                    found[name] = one
    for summary, spec in reversed(finished_runs()):
        accuracy, own = _brief(summary.run, "source")
        # What runs carried comes first: all of them were asked the same images, and a job about one may have asked others.
        known = asked.get(summary.id, {}) | _known(own)
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


def settings_measured() -> list[tuple[RunSpec, dict[str, str], int]]:
    """For each setting in which runs were measured, the most runs first: one of its specs, its sources, and how many runs.

    The sources are names with their titles, the one of which any run lost most first.
    """
    specs: dict[Setting, list[RunSpec]] = {}
    most: dict[Setting, dict[str, Source]] = {}  # the run that lost most of each source
    for _, spec, known, _ in measured_runs():
        setting = setting_of(spec)
        specs.setdefault(setting, []).append(spec)
        worst = most.setdefault(setting, {})
        for name, one in known.items():
            if name not in worst or one["lost"]["value"] > worst[name]["lost"]["value"]:
                worst[name] = one
    titles = {setting: {name: worst[name]["title"] for name in by_loss(worst)} for setting, worst in most.items()}
    return sorted(((own[0], titles[setting], len(own)) for setting, own in specs.items()), key=lambda one: -one[2])


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


def _most(answers: Sequence[Answer], size: Callable[[Answer], tuple[int, ...]]) -> Answer | None:
    """The largest, of equals the first; those of no size at all are out."""
    return max((answer for answer in answers if size(answer)), key=size, default=None)


def _told(section: Mapping[str, Any] | None) -> tuple[int, ...]:
    """How many images a section looked at, as far as it says; () where there is none."""
    images = (section or {}).get("images", 0)
    return (images if isinstance(images, int) else sum(images),) if section else ()


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
