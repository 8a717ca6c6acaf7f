"""The explain job: where a finished run's network looks, beside others, on some images, and whether that can be believed.

The images are chosen by the run's own answers (`gallery`) or by name. Each network is built once, asked about every layer that
was named, and let go: the run's and its start's, whose answers choose the images, first of all. All of them explain the same
class of an image, so that their maps can be held against each other: the one that was asked for, or the one that the run itself
predicts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tlcore.data.load import Dataset, Split
from tlcore.data.metadata import metadata
from tlcore.errors import Cancelled, DataError, SpecError, ThawError, UnknownName
from tlcore.explain.answer import answers_of
from tlcore.explain.calibrate import softmax
from tlcore.explain.evidence import Evidence
from tlcore.explain.gallery import eligible, galleries
from tlcore.explain.looks import FORMAT, RUN, START, Look, looks
from tlcore.explain.maps import Maps, layers_asked
from tlcore.explain.maps import explain as explain_images
from tlcore.explain.methods import METHODS
from tlcore.explain.networks import network_of
from tlcore.explain.picture import answer_picture
from tlcore.explain.question import Question
from tlcore.explain.scale import peaks
from tlcore.explain.told import told_images
from tlcore.files import replacing
from tlcore.made_with import MADE_WITH
from tlcore.models.network import Network
from tlcore.runs import EventWriter, Run, finished_training
from tlcore.spec import ExplainSpec, RunSpec
from tlcore.training.job import load_data
from tlcore.training.machine import Machine, choose, repeatable
from tlcore.training.report import Reporter

MAPS = "maps.npz"
CHANGED_SINCE = "The dataset is no longer the one that run {run} was trained on: its images or its split have changed."


def explain(run: Run, events: EventWriter) -> dict[str, Any]:
    """Explain what the spec asks for and return what tlcore/README.md says of `explain`.

    Raises `Cancelled`, `RunNotFound` and `SpecError` where a run cannot be asked, and what loading data and weights raises.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, ExplainSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} explains nothing.")
    report = Reporter(run, events)
    machine = choose(spec.device, "float32")
    with repeatable(machine):
        job = _Explaining(run, spec, machine, report)
        result = job.picture() if spec.picture else job.images()
    for notice in result["notices"]:
        report.notice(notice)
    return result | {"device": machine.name, "seconds": time.monotonic() - began}


@dataclass
class _Explaining:
    """One explain job, from the choice of images to the result."""

    run: Run
    spec: ExplainSpec
    machine: Machine
    report: Reporter
    notices: list[str] = field(default_factory=list)
    why: dict[str, str] = field(
        default_factory=dict
    )  # what cannot be had: a network by its key, a kind of evidence by its name

    def __post_init__(self) -> None:
        self.about, self.asked, self.found = finished_training(self.report.runs_dir, self.spec.run_id)
        self.classes = tuple(self.found["classes"])
        self.question = Question.of(self.spec, self.classes)  # refused before anything is loaded
        self.evidence = Evidence(self.spec, self.question, self.machine, self.report)
        self.looks = looks(self.spec, self.report.runs_dir)
        self._data: dict[tuple[object, ...], Dataset] = {}
        self._kept: dict[str, np.ndarray] = {}  # the arrays of maps.npz
        self._told: list[dict[str, Any]] = []  # what each of them is

    # --- a person's own picture

    def picture(self) -> dict[str, Any]:
        """What the networks make of it, and what calibration and distance say of that."""
        found = answer_picture(
            self.run,
            self.spec,
            self.looks,
            self.machine,
            self.report,
            targets_of=self.question.targets,
            maps_of=self._maps,
            evidence=self.evidence,
        )
        for look, maps in found.maps:
            self._keep(look, maps)
        self._write_maps()
        return self._header() | {"picture": found.told, "images": [], "galleries": {}, "belief": found.belief, "why": found.why}

    # --- images of the dataset

    def images(self) -> dict[str, Any]:
        """Maps of the galleries' images, or of those that were named, by every network."""
        data = self._load(self.asked)
        if data.digest != self.found["data"]["digest"]:
            self.notices.append(CHANGED_SINCE.format(run=self.about.id))
        if data.classes != self.classes:
            raise DataError(
                CHANGED_SINCE.format(run=self.about.id), next_step="Put its images back, or explain another run's answers."
            )
        networks: dict[str, tuple[Network, np.ndarray | None]] = {}
        for look in self.looks:
            if look.key in (RUN, START):  # the run's answers choose the images, and the start's which of them changed
                self._try(
                    look, lambda look=look: networks.update({look.key: network_of(look, data, self.machine, self.report)})
                )
        split = getattr(data, self.spec.split)
        answered = self._answers(networks[RUN][0], split)
        columns = self._columns()
        chosen, rows = self._choose(answered, split, networks[START][1] if START in networks else None, columns)
        pictures, targets = split.part(rows), self.question.targets(answered[rows])
        answers: dict[str, np.ndarray] = {}
        belief: dict[str, Any] = {}

        def ask(look: Look) -> None:
            network, _ = networks.pop(look.key, None) or network_of(look, data, self.machine, self.report)
            own = pictures if look.spec == self.asked else self._same(look, pictures)
            maps = self._maps(network, own.images, targets)
            answers[look.key] = softmax(maps[-1].logits)
            for one in maps:
                self._keep(look, one)
            place = None if maps[-1].place is None else maps[-1].place.group
            if look.key == RUN:
                belief.update(self.evidence.believed(network, data, place))
            within = None
            if look.epoch is None:
                within = self.evidence.inside(network, look.spec, self._load(look.spec), place)
            if within is not None:
                belief.setdefault("inside", {})[look.key] = within

        for look in self.looks:
            if look.key not in self.why:
                self._try(look, lambda look=look: ask(look))
        self._write_maps()
        return self._header() | {
            "picture": None,
            "images": told_images(self.run, pictures, chosen, rows, answers, targets, classes=self.classes, columns=columns),
            "galleries": {name: [int(np.flatnonzero(rows == row)[0]) for row in found] for name, found in chosen.items()},
            "belief": belief,
            "why": self.why | self.evidence.why,
        }

    def _try(self, look: Look, do: Callable[[], object]) -> None:
        """Do what concerns one network; where it cannot be had the others still are, unless it is the run's own."""
        try:
            do()
        except Cancelled:
            raise
        except ThawError as error:
            if look.key == RUN:
                raise
            self.why[look.key] = error.message

    def _load(self, spec: RunSpec) -> Dataset:
        key = (spec.dataset, spec.labels, spec.image_size, spec.backbone, spec.images_per_class, spec.seed)
        if key not in self._data:
            self._data[key] = load_data(spec, self.report)
        return self._data[key]

    def _answers(self, network: Network, split: Split) -> np.ndarray:
        """The run's probabilities (N, C) for a split: of the test split those that it kept."""
        with contextlib.suppress(OSError, KeyError, ValueError), np.load(self.about.path / "predictions.npz") as kept:
            if tuple(kept["ids"]) == split.ids:
                return kept["probabilities"]
        self.report.progress("Choosing images", 0, 1, "split")
        return answers_of(network, self.machine)(split.images)

    def _choose(
        self,
        answered: np.ndarray,
        split: Split,
        before: np.ndarray | None,
        columns: Mapping[str, Mapping[str, str]],
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The galleries' rows of the split, and all of these rows once, in order."""
        if self.spec.ids:
            places = {one: row for row, one in enumerate(split.ids)}
            unknown = [one for one in self.spec.ids if one not in places]
            if unknown:
                raise UnknownName(f"image of the {self.spec.split} split", unknown[0], split.ids[:5])
            rows = np.array([places[one] for one in self.spec.ids])
            return {}, rows
        told = before if self.spec.split == "test" else None  # the probe answers test images
        among = eligible(self.spec.only, split.labels, split.ids, classes=self.classes, columns=columns)
        told = None if told is None else told[among]
        found = galleries(answered[among], split.labels[among], each=self.spec.each, before=told)
        found = {name: among[rows] for name, rows in found.items()}
        return found, np.unique(np.concatenate(list(found.values())))

    def _same(self, look: Look, pictures: Split) -> Split:
        """The same pictures as another run saw them: of its own size."""
        split = getattr(self._load(look.spec), self.spec.split)
        places = {one: row for row, one in enumerate(split.ids)}
        missing = [one for one in pictures.ids if one not in places]
        if missing:
            raise SpecError(
                f"Run {look.run.id} has another {self.spec.split} split: {missing[0]!r} is not in it.",
                next_step="Lay runs beside that were trained on the same images.",
            )
        return split.part(np.array([places[one] for one in pictures.ids]))

    # --- maps

    def _maps(self, network: Network, pictures: np.ndarray, targets: np.ndarray) -> list[Maps]:
        """A map of every picture for each layer that was asked for, the last layer at the end."""
        return [
            explain_images(
                network,
                self.machine,
                pictures,
                method=self.spec.method,
                place=layer,
                targets=targets,
                against=self.question.others(len(pictures)),
                progress=self.report.progress,
            )
            for layer in layers_asked(self.spec.method, self.spec.layer, network, self.machine, image_size=pictures.shape[1])
        ]

    def _keep(self, look: Look, maps: Maps) -> None:
        key = f"map-{len(self._told)}"
        self._kept[key] = maps.values
        self._told.append(
            {
                "key": key,
                "look": look.key,
                "layer": None if maps.place is None else maps.place.group,
                "side": int(maps.values.shape[1]),
                "peaks": peaks(maps.values, signed=METHODS[maps.method].signed).tolist(),
                "silent": maps.silent.tolist(),
            }
        )

    def _write_maps(self) -> None:
        with replacing(self.run.path / MAPS) as file:
            np.savez_compressed(file, **self._kept)

    # --- the result

    def _columns(self) -> dict[str, dict[str, str]]:
        """What is told of the images besides their class, so that a person can look at some of them."""
        try:
            return metadata(self.asked.dataset, labels=self.asked.labels, image_size=self.asked.image_size)
        except Cancelled:
            raise
        except ThawError as error:
            self.notices.append(f"What is told of the images besides their class cannot be read. {error.message}")
            return {}

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "run": self.about.id,
            "backbone": self.asked.backbone,
            "dataset": self.asked.dataset,
            "strategy": self.asked.strategy.name,
            "image_size": self.asked.image_size,
            "classes": list(self.classes),
            "split": self.spec.split,
            "method": self.spec.method,
            "against": self.spec.against,
            "confidence": self.spec.confidence,
            "sentence": METHODS[self.spec.method].sentence,
            "weights": self.found["weights"]["text"],
            "made_with": dict(MADE_WITH),
            "looks": [{"key": look.key, "title": look.title, "run": look.run.id, "epoch": look.epoch} for look in self.looks],
            "maps": self._told,
            "file": MAPS,
            "notices": self.notices,
        }
