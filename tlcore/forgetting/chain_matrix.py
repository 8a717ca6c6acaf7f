"""Measuring the matrix of a chain: every network on the way is asked every task that it has learned, and the next one.

What it has learned is asked by the task's own head, as the run left it, on the task's test images. What comes next has no head
yet: a linear probe is fitted to the features that a head would see of its training images, as the network stands, and judged
on the same test images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
from torch import Tensor

from tlcore.analysis.probe import probe as linear_probe
from tlcore.analysis.start_probe import PROBED_ON, some
from tlcore.analysis.undefined import Undefined
from tlcore.data.catalogue import DATASETS
from tlcore.data.load import Dataset, load
from tlcore.errors import Cancelled, DataError, ThawError
from tlcore.forgetting.matrix import Right, matrix_result
from tlcore.models.ancestry import Ancestor, ancestry
from tlcore.models.chain import build_from_run
from tlcore.models.describe import describe
from tlcore.models.network import Network, build
from tlcore.runs import Run
from tlcore.source_probes.catalogue import EARLIER
from tlcore.source_probes.look import Probe, read
from tlcore.source_probes.probes import make_probes
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter
from tlcore.training.result import clusters_of

NO_CHAIN = "This run starts from no other run, so there is no chain of tasks."


def chain_matrix(run: Run, machine: Machine, report: Reporter, *, images: int) -> dict[str, Any]:
    """The matrix of the runs that end with `run`, which must be done, on at most `images` test images of each task.

    What `matrix_result` gives, with `runs`, `datasets` and `images` of the tasks. A task whose images cannot be had has an
    empty column, and a note says why. Raises `RunNotFound` and `SpecError` where a run of the chain cannot be had.
    """
    chain = ancestry(FromRun(run_id=run.id), report.runs_dir)
    return _Chain(chain, machine, report).measure(images)


def matrix_or_why(
    run: Run, spec: RunSpec, machine: Machine, report: Reporter, *, images: int
) -> tuple[dict[str, Any] | None, str]:
    """`chain_matrix`, or None and the sentence that says why there is none. Raises `Cancelled`."""
    if spec.strategy.start.kind != "run":
        return None, NO_CHAIN
    try:
        return chain_matrix(run, machine, report, images=images), ""
    except Cancelled:
        raise
    except ThawError as error:
        return None, str(error)


class _Chain:
    """The runs of a chain, the first task's first, and what is known of each task at each of them."""

    def __init__(self, chain: tuple[Ancestor, ...], machine: Machine, report: Reporter) -> None:
        self.chain = chain
        self.machine = machine
        self.report = report
        self.notes: list[str] = []
        self._done = self._total = 0  # images passed through the networks

    def measure(self, images: int) -> dict[str, Any]:
        start = self._network(-1)
        last = _going_on(self.chain[-1])
        asked = make_probes(
            last,
            start,
            self.machine,
            self.report.runs_dir,
            names=("earlier-tasks",),
            images=images,
            progress=self.report.progress,
        )
        places = {f"{EARLIER}{ancestor.run.id}": place for place, ancestor in enumerate(self.chain)}
        for name, why in asked.why.items():
            self.notes.append(f"Task {places[name] + 1} could not be asked. {why}" if name in places else why)
        tasks = {place: asked.probes[name] for name, place in places.items() if name in asked.probes}
        data = {place: data for place in tasks if (data := self._data(place, last)) is not None}
        right: dict[tuple[int, int], Right] = {}
        before: dict[int, Right] = {}
        self._total = _passes(tasks, data, len(self.chain))
        for learned in range(-1, len(self.chain)):
            network = start if learned < 0 else self._network(learned)
            for place, task in tasks.items():
                if place <= learned:
                    right[learned, place] = self._by_its_head(network, task)
                elif place in data and (learned < 0 or place == learned + 1):
                    found = self._by_a_probe(network, place, task, data[place])
                    if found is not None and learned < 0:
                        before[place] = found
                    elif found is not None:
                        right[learned, place] = found
        return self._result(right, before, tasks)

    def _result(
        self, right: Mapping[tuple[int, int], Right], before: Mapping[int, Right], tasks: Mapping[int, Probe]
    ) -> dict[str, Any]:
        specs = [ancestor.spec for ancestor in self.chain]
        sizes = sorted({spec.image_size for spec in specs})
        if len(sizes) > 1:
            pixels = " and ".join(map(str, sizes))
            self.notes.append(f"The runs saw images of {pixels} pixels; all of them are asked at {specs[-1].image_size}.")
        found = matrix_result(
            right,
            before,
            tasks=[_title(spec) for spec in specs],
            clusters=[clusters_of(tasks[place]) if place in tasks else None for place in range(len(specs))],
            seed=specs[-1].seed,
        )
        return found | {
            "runs": [ancestor.run.id for ancestor in self.chain],
            "datasets": [spec.dataset for spec in specs],
            "images": [len(tasks[place]) if place in tasks else 0 for place in range(len(specs))],
            "strategy": specs[-1].strategy.name,
            "notes": self.notes + found["notes"],
        }

    def _network(self, learned: int) -> Network:
        """The network after the first `learned` + 1 tasks; that which the chain began with is -1."""
        first = self.chain[0]
        if learned >= 0:
            network = build_from_run(
                _going_on(self.chain[learned], self.chain[-1].spec.image_size),
                self.chain[learned].classes,
                runs_dir=self.report.runs_dir,
                progress=self.report.progress,
            )
        else:
            network = build(
                first.spec.backbone,
                classes=len(first.classes),
                start="random" if first.spec.strategy.start.kind == "random" else "pretrained",
                weights=first.spec.weights,
                seed=first.spec.seed,
                image_size=self.chain[-1].spec.image_size,
                head=first.spec.head,
                progress=self.report.progress,
            )
        self.machine.place(network.module)
        return network

    def _data(self, place: int, asked: RunSpec) -> Dataset | None:
        """The images that a task was learned from, at the chain's image size."""
        ancestor = self.chain[place]
        own = ancestor.spec
        try:
            data = load(
                own.dataset,
                labels=own.labels,
                image_size=asked.image_size,
                images_per_class=own.images_per_class,
                seed=own.seed,
                interpolation=describe(own.backbone).preprocessing.interpolation,
                progress=self.report.progress,
            )
            if data.classes != ancestor.classes:
                raise DataError("Its images are no longer of the classes that it learned.")
        except Cancelled:
            raise
        except ThawError as error:
            self.notes.append(f"Task {place + 1} could not be probed before it was learned. {error.message}")
            return None
        return data

    def _by_its_head(self, network: Network, task: Probe) -> Right:
        answers = [logits.argmax(1).numpy() for _, logits in self._read(network, task, task.images)]
        return np.concatenate(answers) == task.labels

    def _by_a_probe(self, network: Network, place: int, task: Probe, data: Dataset) -> Right | None:
        """Which test images a linear probe on what a head would see names rightly; None where that is not finite."""
        parts = {name: some(getattr(data, name), most) for name, most in PROBED_ON.items()}
        train, val, test = (
            np.concatenate([features.numpy() for features, _ in self._read(network, task, images)])
            for images in (parts["train"].images, parts["val"].images, task.images)
        )
        try:
            found = linear_probe(train, parts["train"].labels, val, parts["val"].labels, test, classes=len(data.classes))
        except Undefined as undefined:
            self.notes.append(f"Task {place + 1} could not be probed before it was learned. {undefined.message}")
            return None
        return found.probabilities.argmax(1) == task.labels

    def _read(self, network: Network, task: Probe, images: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in read(network, self.machine, images, task.head):
            self._done += len(batch[0])
            self.report.progress("Asking the chain", self._done, self._total, "images")
            yield batch


def _passes(tasks: Mapping[int, Probe], data: Mapping[int, Dataset], runs: int) -> int:
    """How many images pass through networks: of each task by its head from its run on, by a probe at the start and before."""
    own = sum(len(task) * (runs - place) for place, task in tasks.items())
    fitted = {place: sum(min(len(getattr(one, name)), most) for name, most in PROBED_ON.items()) for place, one in data.items()}
    return own + sum((len(tasks[place]) + images) * (2 if place else 1) for place, images in fitted.items())


def _going_on(ancestor: Ancestor, image_size: int | None = None) -> RunSpec:
    """A run that would start where `ancestor` ended, with its head."""
    strategy = Strategy(start=FromRun(run_id=ancestor.run.id, head="kept"))
    update: dict[str, Any] = {"strategy": strategy, "weights": None, "source_probes": ()}
    return ancestor.spec.model_copy(update=update | ({"image_size": image_size} if image_size else {}))


def _title(spec: RunSpec) -> str:
    return DATASETS[spec.dataset].title if spec.dataset in DATASETS else PurePath(spec.dataset).name
