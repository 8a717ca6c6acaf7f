"""What a chain of tasks will take, told before it starts: each task is timed for a few steps, unless that is known already."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tlcore.cli.report import plain
from tlcore.compare.known import KnownRuns
from tlcore.compare.pace import Paces, measure_spec
from tlcore.data.card import DatasetCard
from tlcore.data.catalogue import dataset_card
from tlcore.data.sources import listing, split_listing
from tlcore.engine import run
from tlcore.errors import ThawError
from tlcore.figures.words import duration, times
from tlcore.forgetting.cost import images_of_a_matrix, looks
from tlcore.source_probes.cost import images_asked, looks_of
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.strategies import Plan


@dataclass(frozen=True)
class Link:
    """A task of the chain as it was timed."""

    images: Mapping[str, int]  # of its splits
    training: float  # seconds
    looking: float  # seconds of its source probes, those of the earlier tasks too
    looks: int  # of them
    pace: float  # images that a look asks in a second
    plan: Mapping[str, Any]
    device: str

    @property
    def seconds(self) -> float:
        return self.training + self.looking


def tell_cost(base: RunSpec, datasets: Sequence[str], asked: Mapping[str, Any], runs_dir: Path) -> None:
    """Say on stderr how long each task takes, and all of it; `asked` are the fields of the question about the last run."""
    links: list[Link] = []
    for place, dataset in enumerate(datasets, start=1):
        spec = base.model_copy(update={"dataset": dataset})
        try:
            links.append(_timed(spec, f"Timing task {place} of {len(datasets)}: {plain(dataset)}", links, runs_dir))
        except ThawError as error:
            _say(f"How long the chain takes cannot be said: {plain(str(error))}")
            return
    for place, (dataset, link) in enumerate(zip(datasets, links, strict=True), start=1):
        _say(f"Task {place}, {plain(dataset)}: about {duration(link.seconds)}{_asking(link, place)}.")
    last = _images_at_the_end(base, asked, links) / links[-1].pace
    whole = sum(link.seconds for link in links) + last
    _say(
        f"And {duration(last)} for the matrix and what the last run forgot. In all about {duration(whole)} on this machine "
        f"({links[-1].device}), fetching not counted. Ctrl-C stops it; the tasks that are done stay."
    )


def _timed(spec: RunSpec, words: str, before: Sequence[Link], runs_dir: Path) -> Link:
    """A task by its measurement, which is made where there is none. Raises as the measurement does."""
    card = _counted(spec)
    wanted = measure_spec(spec, card)
    assert wanted is not None, "its images were counted"
    assert card.images is not None
    known = KnownRuns(runs_dir)
    there = known.measurement(wanted)
    found = there.result() if there is not None and there.status().state == "done" else None
    if found is None or "source" not in found:  # or of another version
        _say(words)
        found = run(wanted, runs_dir=runs_dir, progress=False)
        known = KnownRuns(runs_dir)
    pace = Paces(known, {spec.dataset: card}).of(spec)
    assert pace is not None, "it was measured just now"
    own = images_asked(spec.source_probes, spec.source_images, spec, runs_dir)
    earlier = sum(min(spec.source_images, link.images["test"]) for link in before)
    count = looks_of(Plan.from_dict(found["plan"]))
    asked = (sum(own.values()) + earlier) * count + own.get("natural-photos", 0)
    rate = found["source"]["images_per_second"]
    return Link(card.images, pace.seconds(spec.epochs), asked / rate, count, rate, found["plan"], found["device"])


def _counted(spec: RunSpec) -> DatasetCard:
    """A dataset's card; of one's own data the images are counted, none is decoded."""
    card = dataset_card(spec.dataset)
    if card.images is not None:
        return card
    found = split_listing(card, listing(spec.dataset, image_size=spec.image_size))
    splits = Counter(item.split for item in found.items)
    return replace(card, images={split: splits[split] for split in ("train", "val", "test")}, classes=found.classes)


def _asking(link: Link, place: int) -> str:
    if not link.looking:
        return ""
    whom = "what it knew before" if place == 1 else "what was learned before it"
    return f", {duration(link.looking)} of it to ask {times(link.looks, 'time')} for {whom}"


def _images_at_the_end(base: RunSpec, asked: Mapping[str, Any], links: Sequence[Link]) -> int:
    """What passes through networks for the matrix and for the question about the last run."""
    fields = ForgettingSpec.model_fields
    most = asked.get("images", fields["images"].default)
    tasks = [min(most, link.images["test"]) for link in links]
    spec = ForgettingSpec(run_id="20250101T000000-chain-0000", points=asked.get("points", fields["points"].default))
    others = sum(name != "earlier-tasks" for name in asked.get("sources", fields["sources"].default))
    a_look = sum(tasks) + others * most * (base.strategy.start.kind == "pretrained")
    matrix = images_of_a_matrix(tasks, [link.images for link in links])
    return looks(spec, {"plan": links[-1].plan}) * a_look + matrix


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
