"""The passes of the layers job: the network of each source, built once, and what its groups make of the images."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tlcore.analysis.answers import Look, patients_of
from tlcore.analysis.drawn import draws
from tlcore.analysis.excited import Excited
from tlcore.analysis.features import Site, features, sites
from tlcore.analysis.maps import watching
from tlcore.analysis.moved import activation_drift, activation_drift_intervals, moved
from tlcore.analysis.seen import write_seen
from tlcore.analysis.shift_by_depth import shift_by_depth
from tlcore.analysis.undefined import Undefined
from tlcore.data.catalogue import DATASETS
from tlcore.data.load import Dataset, Split, load_unlabelled
from tlcore.errors import AssetError
from tlcore.groups import HEAD
from tlcore.models.ancestry import Ancestor, ancestry
from tlcore.models.cards import saw_photographs
from tlcore.models.chain import build_from_run
from tlcore.models.describe import describe
from tlcore.models.network import Network, build
from tlcore.runs import Run
from tlcore.spec import LayersSpec
from tlcore.strategies.start import FromRun
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter
from tlcore.training.shift import SOURCE

MOVED_ON = 64  # training images that gradients and Fisher information are taken on
PHOTOGRAPHS = DATASETS[SOURCE].title
NOT_ASKED = "The pretrained weights were not asked."
NO_PHOTOGRAPHS = "No photographs were asked for, so nothing is known of the shift."
ANOTHER_SOURCE = "These weights did not learn from everyday photographs last, so the distance to those says little."
NO_HEAD_DRIFT = "The run does not say how far its head went."
NO_DRIFT_ON_PHOTOGRAPHS = "There are no features of photographs to compare here."

Rows = Mapping[str, np.ndarray]  # of each place: (N, D)


def photographs(spec: LayersSpec, report: Reporter) -> tuple[Split | None, str]:
    """Everyday photographs, drawn by the seed, to hold the images against; or none, and a sentence that says why."""
    if not spec.photographs:
        return None, NO_PHOTOGRAPHS
    if "pretrained" not in spec.sources:
        return None, NOT_ASKED
    asked = spec.run
    interpolation = describe(asked.backbone).preprocessing.interpolation
    try:
        found = load_unlabelled(SOURCE, image_size=asked.image_size, interpolation=interpolation, progress=report.progress)
    except AssetError as error:
        return None, f"There are no photographs to hold the images against. {error.message}"
    rng = np.random.default_rng(np.random.SeedSequence([asked.seed, 11]))
    return found.part(np.sort(rng.permutation(len(found))[: spec.photographs])), ""


@dataclass
class Looking:
    """The networks of all sources, each built once, and what they make of the images."""

    run: Run
    spec: LayersSpec
    data: Dataset
    whole: Split  # all its images
    photos: Split | None
    machine: Machine
    report: Reporter
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)  # what the groups of each source see
    _networks: dict[str, Network] = field(default_factory=dict)  # those that are asked again
    _looks: dict[str, Look] = field(default_factory=dict)
    _of_photos: dict[str, Rows] = field(default_factory=dict)

    def look(self, source: str) -> Look:
        """One pass of all images through the network with the weights of `source`, and pictures of what its groups see."""
        words = f"run {source}" if source in self.spec.runs else f"{source} weights"
        self.report.progress(f"Building the network, {words}", 0, 1, "network")
        network = self._build(source)
        if self.spec.runs:
            self._networks[source] = network
        excited = Excited()
        look = self._looks[source] = self._pass(source, network, words, excited)
        if source != "random":
            self._look_at_photos(source, network, words)
        if look.is_finite:
            folder = self.run.path / f"seen-{len(self.seen)}"
            folder.mkdir(exist_ok=True)
            about = write_seen(network, self.machine, self.whole, self.data.classes, folder, excited=excited)
            self.seen[source] = about | {"file": f"{folder.name}/{about['file']}"}
        return look

    def shift(self) -> tuple[dict[str, dict[str, Any]], str]:
        """How far the training images are from photographs at every place, as the pretrained weights see them; or why not."""
        if self.photos is None:
            return {}, ""
        look = self._looks["pretrained"]
        if not saw_photographs(look.text):
            return {}, ANOTHER_SOURCE
        rows = np.linspace(0, len(self.data.train) - 1, min(len(self.data.train), len(self.photos))).astype(int)
        source = self._of_photos["pretrained"]
        target = {name: look.rows[name][rows] for name in source}
        try:
            return shift_by_depth(source, target, seed=self.spec.run.seed, progress=self.report.progress), ""
        except Undefined as undefined:
            return {}, undefined.message

    def moved(self, run_id: str) -> dict[str, dict[str, object]]:
        """What moved in a run, group by group, the head last: from what it started with to what it ended with."""
        own = ancestry(FromRun(run_id=run_id), self.report.runs_dir)[-1]
        start = own.spec.strategy.start
        if start.kind == "pretrained" and own.spec.weights == self.spec.run.weights and "pretrained" in self._networks:
            name = "pretrained"
            before, look = self._networks[name], self._looks[name]
        else:
            name = f"the start of run {run_id}"
            before = self._place(self._start_of(own))
            look = self._pass(name, before, name)
            self._look_at_photos(name, before, name)
        after, ended = self._networks[run_id], self._looks[run_id]
        finite = look.is_finite and ended.is_finite
        answers = name == "pretrained" or tuple(own.classes) == tuple(self.data.classes)
        found = moved(
            before,
            after,
            self.data.train,
            features=(_of_sites(look), _of_sites(ended)) if finite else None,
            own_heads=(answers and look.is_finite, after.kept_head and ended.is_finite),
            gradient_images=MOVED_ON,
            fisher_images=MOVED_ON,
            drawn=draws(len(self.whole), seed=self.spec.run.seed, clusters=patients_of(self.data)),
            seed=self.spec.run.seed,
            progress=self.report.progress,
        )
        _own_head(found[HEAD], own)
        on_photos, sure = {}, {}
        if self.photos is not None and finite:
            both = self._of_photos[name], self._of_photos[run_id]
            on_photos = activation_drift(*both)
            drawn = draws(len(self.photos), seed=self.spec.run.seed)
            sure = {} if drawn is None else activation_drift_intervals(*both, drawn)
        for group, row in found.items():
            row["activation_drift_source"] = on_photos.get(group)
            row["activation_drift_source_interval"] = sure.get(group)
            if row["activation_drift_source"] is None:
                row["why"]["activation_drift_source"] = NO_DRIFT_ON_PHOTOGRAPHS  # type: ignore[index] - a dict of sentences
        return found

    def root(self, source: str) -> str:
        """A word for the weights that a source began with: networks that share it can be compared channel by channel."""
        classes, spec, known = len(self.data.classes), self.spec.run, None
        if source in self.spec.runs:
            first = ancestry(FromRun(run_id=source), self.report.runs_dir)[0]
            classes, spec = len(first.classes), first.spec
            known = ((first.run.result() or {}).get("weights") or {}).get("sha256")
        elif source == "pretrained":
            known = self._looks[source].sha256
        return known or f"random, seed {spec.seed}, {classes} classes"

    def _look_at_photos(self, source: str, network: Network, words: str) -> None:
        if self.photos is None:
            return
        what = f"Looking at photographs, {words}"
        places, images = self._looks_at(network), self.photos.images
        rows = features(network, self.machine, images, sites=places, progress=self.report.progress, what=what)
        self._of_photos[source] = {site.name: rows[site.name] for site in places}

    def _looks_at(self, network: Network) -> tuple[Site, ...]:
        return sites(network, blocks=self.spec.blocks, image_size=self.spec.run.image_size)

    def _pass(self, source: str, network: Network, words: str, excited: Excited | None = None) -> Look:
        size = self.spec.run.image_size
        places = self._looks_at(network)
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
        about, seconds = network.provenance, time.monotonic() - began
        return Look(source, str(about["text"]), network.groups, places, rows, seconds, about.get("sha256"))

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


def _own_head(row: dict[str, Any], own: Ancestor) -> None:
    """How far the head went, as the run itself says: the networks here may have heads of other classes, or drawn anew."""
    row["weight_drift"] = (own.run.result() or {}).get("drift", {}).get(HEAD)
    row["why"].pop("weight_drift", None)
    if row["weight_drift"] is None:
        row["why"]["weight_drift"] = NO_HEAD_DRIFT


def _of_sites(look: Look) -> Rows:
    """The rows of every place, without those of a classifier: two networks need not know the same classes."""
    return {site.name: look.rows[site.name] for site in look.sites}
