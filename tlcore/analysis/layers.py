"""The layers job: what each layer group knows of a task before anything is trained, by where its weights come from.

Some images of each split go once through the network with each source's weights, and every group keeps a row for each
(`features`). On the rows of the training images a linear probe is fitted, its penalty chosen on the validation images, and
judged on the test images (`probe`); the scores that promise to tell the same without a test are beside it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tlcore.analysis.answers import Answers, Look
from tlcore.analysis.embedding import write_embedding
from tlcore.analysis.excited import Excited
from tlcore.analysis.features import features, sites
from tlcore.analysis.maps import watching
from tlcore.analysis.moved import moved
from tlcore.analysis.seen import write_seen
from tlcore.analysis.thumbnails import write_thumbnails
from tlcore.data.load import Dataset, Split
from tlcore.errors import DataError, SpecError
from tlcore.models.ancestry import Ancestor, ancestry
from tlcore.models.chain import build_from_run
from tlcore.models.network import Network, build
from tlcore.runs import EventWriter, Run
from tlcore.spec import LayersSpec
from tlcore.strategies.start import FromRun
from tlcore.training.job import load_data
from tlcore.training.machine import Machine, choose, repeatable
from tlcore.training.metrics import majority_baseline, why_undefined
from tlcore.training.refuse import refuse_early
from tlcore.training.report import Reporter
from tlcore.training.result import clusters_of

SHARES = {"val": 0.2, "test": 0.3}  # of the images; what these splits do not have, and the rest, are training images
FEWEST = 4  # images of a split, below which nothing is chosen or judged on it
MOVED_ON = 64  # training images that gradients and Fisher information are taken on
NO_RUN = "No finished run was named, so nothing has moved."
NOT_A_GROUP = "How far weights moved is measured for whole groups."


def layers(run: Run, events: EventWriter) -> dict[str, Any]:
    """Ask every layer group and return what tlcore/README.md says of `layers`.

    Raises `Cancelled`, `WeightsUnavailable`, `DataError` for too few images, and whatever refuses a run.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, LayersSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} does not ask what layers know.")
    report = Reporter(run, events)
    machine = choose(spec.run.device, "float32")
    with repeatable(machine):
        refuse_early(spec, report.runs_dir)
        data = _few(load_data(spec.run, report), spec)
        notices = [*data.notices, *why_undefined(data.test.labels, data.classes, "test")]
        for notice in notices:
            report.notice(notice)
        whole = _whole(data)
        looking = _Looking(run, spec, data, whole, machine, report)
        looks = [looking.look(source) for source in (*spec.sources, *spec.runs)]
        result = Answers(looks, data, spec.run.seed, report.progress).result()
        result["moved"] = {run_id: looking.moved(run_id) for run_id in spec.runs}
    for entry in result["groups"]:
        for run_id, moves in result["moved"].items():
            if entry["name"] in moves:
                entry["drift"][run_id] = moves[entry["name"]]["weight_drift"]
        if not entry["drift"]:
            entry["why"]["drift"] = NOT_A_GROUP if spec.runs else NO_RUN
    return result | {
        "embedding": _embedding(run, spec, looks, data, whole, report),
        "seen": looking.seen,
        "thumbnails": write_thumbnails(whole, run.path),
        "weights": {look.source: look.text for look in looks},
        "classes": list(data.classes),
        "images": {"train": len(data.train), "val": len(data.val), "test": len(data.test)},
        "intervals_over": "images" if data.test.patients is None else "patients",
        "majority_baseline": majority_baseline(data.test.labels),
        "notices": notices,
        "passes": {look.source: look.seconds for look in looks},
        "forward_seconds": sum(look.seconds for look in looks),
        "device": machine.name,
        "seconds": time.monotonic() - began,
    }


# --- the images


def _few(data: Dataset, spec: LayersSpec) -> Dataset:
    """At most `spec.images` of all splits, each split's in the proportions of its classes, drawn by the seed."""
    counts = {name: min(len(getattr(data, name)), round(share * spec.images)) for name, share in SHARES.items()}
    counts["train"] = min(len(data.train), spec.images - sum(counts.values()))
    rng = np.random.default_rng(np.random.SeedSequence([spec.run.seed, 17]))
    parts = {name: _drawn(getattr(data, name), counts[name], rng) for name in ("train", "val", "test")}
    for name, part in parts.items():
        if len(part) < FEWEST:
            raise DataError(
                f"The {name} split has only {len(part)} images; {FEWEST} or more are asked about.",
                next_step="Take a dataset with more images.",
            )
    return replace(data, **parts)


def _drawn(split: Split, count: int, rng: np.random.Generator) -> Split:
    """`count` images of a split: of each class the same share, and at least one where there are enough for all."""
    turn = np.empty(len(split))
    for label in np.unique(split.labels):
        rows = np.flatnonzero(split.labels == label)
        turn[rng.permutation(rows)] = np.arange(len(rows)) / len(rows)
    return split.part(np.sort(np.argsort(turn, kind="stable")[:count]))


def _of_sites(look: Look) -> dict[str, np.ndarray]:
    """The rows of every place, without those of a classifier: two networks need not know the same classes."""
    return {site.name: look.rows[site.name] for site in look.sites}


def _whole(data: Dataset) -> Split:
    """The images of train, then val, then test: the order of every look's rows."""
    splits = (data.train, data.val, data.test)
    images, labels = (np.concatenate([getattr(split, what) for split in splits]) for what in ("images", "labels"))
    return Split(images, labels, tuple(name for split in splits for name in split.ids))


def _embedding(
    run: Run, spec: LayersSpec, looks: Sequence[Look], data: Dataset, whole: Split, report: Reporter
) -> dict[str, Any]:
    """How the classes of the test images come apart, by every source, at every place."""
    return write_embedding(
        {look.source: {site.name: look.rows[site.name] for site in look.sites} for look in looks if look.is_finite},
        whole,
        data.classes,
        run.path,
        train=slice(0, len(data.train)),
        test=slice(len(whole) - len(data.test), len(whole)),
        patients=clusters_of(data.test),
        methods=spec.embed,
        seed=spec.run.seed,
        progress=report.progress,
    )


# --- the passes


@dataclass
class _Looking:
    """The networks of all sources, each built once, and what they make of the images."""

    run: Run
    spec: LayersSpec
    data: Dataset
    whole: Split  # all its images
    machine: Machine
    report: Reporter
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)  # what the groups of each source see
    _networks: dict[str, Network] = field(default_factory=dict)  # those that are asked again
    _looks: dict[str, Look] = field(default_factory=dict)

    def look(self, source: str) -> Look:
        """One pass of all images through the network with the weights of `source`, and pictures of what its groups see."""
        words = f"run {source}" if source in self.spec.runs else f"{source} weights"
        self.report.progress(f"Building the network, {words}", 0, 1, "network")
        network = self._build(source)
        if self.spec.runs:
            self._networks[source] = network
        excited = Excited()
        look = self._looks[source] = self._pass(source, network, words, excited)
        if look.is_finite:
            folder = self.run.path / f"seen-{len(self.seen)}"
            folder.mkdir(exist_ok=True)
            about = write_seen(network, self.machine, self.whole, self.data.classes, folder, excited=excited)
            self.seen[source] = about | {"file": f"{folder.name}/{about['file']}"}
        return look

    def moved(self, run_id: str) -> dict[str, dict[str, object]]:
        """What moved in a run, group by group, the head last: from what it started with to what it ended with."""
        own = ancestry(FromRun(run_id=run_id), self.report.runs_dir)[-1]
        start = own.spec.strategy.start
        if start.kind == "pretrained" and own.spec.weights == self.spec.run.weights and "pretrained" in self._networks:
            before, look = self._networks["pretrained"], self._looks["pretrained"]
        else:
            words = f"the start of run {run_id}"
            before = self._place(self._start_of(own))
            look = self._pass("start", before, words)
        return moved(
            before,
            self._networks[run_id],
            self.data.train,
            features=(_of_sites(look), _of_sites(self._looks[run_id])),
            gradient_images=MOVED_ON,
            fisher_images=MOVED_ON,
            seed=self.spec.run.seed,
            progress=self.report.progress,
        )

    def _pass(self, source: str, network: Network, words: str, excited: Excited | None = None) -> Look:
        size = self.spec.run.image_size
        places = sites(network, blocks=self.spec.blocks, image_size=size)
        groups = [group.name for group in network.groups[:-1]]
        began = time.monotonic()
        rows = features(
            network,
            self.machine,
            self.whole.images,
            sites=places,
            progress=self.report.progress,
            what=f"Looking at the images, {words}",
            also=watching(network, self.machine, groups, excited, image_size=size) if excited else None,
        )
        return Look(source, str(network.provenance["text"]), network.groups, places, rows, time.monotonic() - began)

    def _build(self, source: str) -> Network:
        asked, report = self.spec.run, self.report
        if source in self.spec.runs:
            started = self.spec.started_from(source)
            return self._place(build_from_run(started, self.data.classes, runs_dir=report.runs_dir, progress=report.progress))
        network = build(
            asked.backbone,
            classes=len(self.data.classes),  # the head plays no part
            start=source,  # type: ignore[arg-type] - one of the two
            weights=asked.weights if source == "pretrained" else None,
            seed=asked.seed,
            image_size=asked.image_size,
            progress=report.progress,
        )
        return self._place(network)

    def _start_of(self, own: Ancestor) -> Network:
        asked, report = own.spec.model_copy(update={"image_size": self.spec.run.image_size}), self.report
        start = asked.strategy.start
        if start.kind == "run":
            return build_from_run(asked, own.classes, runs_dir=report.runs_dir, progress=report.progress)
        return build(
            asked.backbone,
            classes=len(own.classes),
            start=start.kind,
            weights=asked.weights,
            seed=asked.seed,
            image_size=asked.image_size,
            progress=report.progress,
        )

    def _place(self, network: Network) -> Network:
        self.machine.place(network.module)
        return network
