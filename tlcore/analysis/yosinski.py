"""The transferability job: Yosinski et al. 2014, "How transferable are features in deep neural networks?", in small.

For each seed two base networks are trained, one on the classes of A and one on those of B. Then, for each cut n, networks
for B are made whose lowest n layers come from a base network, the rest being new, and trained on B:

    BnB   from base B, kept still: what is lost is co-adaptation, that neighbouring layers only worked together
    AnB   from base A, kept still: what is lost besides is that the layers were about A
    BnB+  AnB+   the same, but all layers train
    random       the n layers are as new as the rest, and kept still: what layers are worth that learnt nothing

All networks of a seed that are made from a cut get the same new layers, those of one start, and see the images in one order,
so that nothing differs but what is said. That start is not the base networks' own, since layers that had grown from it over
the very same lower layers would be found again. `again` is the network that is trained on B as a whole from that start: a
second base network, so that what the others are compared with does not hang on one start. A and B share a start and an order.

Layers above a frozen cut get as much work as a whole network, which is more epochs, and a head alone is solved
(`transferability_plan.rounds`), so that the curve tells what the frozen layers are worth, and not that the few layers above
them had no time. In the paper all trained far beyond that.

Where this departs from the paper: small images and networks, no augmentation, AdamW with a cosine instead of momentum with
steps of the rate, and one direction a seed (`reverse` asks for the other).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from tlcore.analysis.small_network import SmallNetwork
from tlcore.analysis.small_training import Recipe, judge, train
from tlcore.analysis.trained_so_far import SoFar
from tlcore.analysis.transferability_plan import CUTS, LAYERS, Cell, cells, rounds, seconds_for, seeds
from tlcore.data.halves import half_of, halves
from tlcore.data.load import Dataset, load
from tlcore.errors import DataError, SpecError
from tlcore.made_with import MADE_WITH
from tlcore.runs import EventWriter, Run
from tlcore.spec import TransferabilitySpec
from tlcore.training.intervals import wilson
from tlcore.training.machine import Machine, choose, repeatable
from tlcore.training.metrics import majority_baseline
from tlcore.training.refuse import refuse_early
from tlcore.training.report import Reporter

_CHANCE = 19  # keeps this stream of chance apart from others


def transferability(run: Run, events: EventWriter) -> dict[str, Any]:
    """Train every network of every seed; returns how each does on the test images of B (tlcore/README.md names the fields).

    Each network is also an event `network`, and each seed an event `halves`. Goes on from the folder's checkpoint. Raises
    `Cancelled` at the next step after it is asked for, and any other `ThawError` where it cannot be done as asked.
    """
    began = time.monotonic()
    spec = run.spec()
    if spec.kind != "transferability":
        raise SpecError(f"A spec of kind {spec.kind!r} is not a transferability experiment.")
    report = Reporter(run, events)
    machine = choose(spec.device, "float32")
    with repeatable(machine):
        refuse_early(spec)
        data = load(
            spec.dataset,
            labels=spec.labels,
            image_size=spec.image_size,
            images_per_class=spec.images_per_class,
            seed=spec.seed,
            progress=report.progress,
        )
        for notice in data.notices:
            report.notice(notice)
        so_far = SoFar(run.path / "checkpoint", {"spec": spec.digest(), "data": data.digest, "made_with": dict(MADE_WITH)})
        for network in so_far.networks:  # the last one's event may be missing: readers know a network by seed, form and cut
            report.write("network", **network)
        before, every = so_far.seconds, list(cells(spec))
        told = []
        for seed in seeds(spec):
            one = _Seed(spec, data, seed, machine)
            told.append(one.as_data())
            report.write("halves", **told[-1])
            for cell in [cell for cell in every if cell.seed == seed and cell not in so_far]:
                report.progress("Training the networks", len(so_far.networks), len(every), "networks")
                network = one.trained(cell, so_far, report.check)
                so_far.add(network)
                left = seconds_for((other for other in every if other not in so_far), so_far.took())
                report.write("network", **network, seconds_left=left)
        report.progress("Training the networks", len(every), len(every), "networks")
    return {
        "dataset": spec.dataset,
        "title": data.card.title,
        "halves": told,
        "networks": so_far.networks,
        "cuts": list(CUTS),
        "layers": [{"channels": channels, "stride": stride} for channels, stride in LAYERS],
        "made_with": dict(MADE_WITH),
        "settings": spec.model_dump(mode="json", exclude={"kind", "dataset", "labels"}),
        "device": machine.name,
        "notices": list(data.notices),
        "seconds": before + time.monotonic() - began,
    }


class _Seed:
    """One seed's halves, with its starts and its orders of the images."""

    def __init__(self, spec: TransferabilitySpec, data: Dataset, seed: int, machine: Machine) -> None:
        self._spec, self._machine, self._seed = spec, machine, seed
        self._halves = halves(spec.dataset, data.classes, how=spec.halves, seed=seed, reverse=spec.reverse)
        self._classes = {"A": self._halves.a, "B": self._halves.b}
        self._train = {name: half_of(data.train, data.classes, half) for name, half in self._classes.items()}
        self._test = {name: half_of(data.test, data.classes, half) for name, half in self._classes.items()}
        if not all(len(split) for split in self._test.values()):
            raise DataError("One half of the classes has no test images.", next_step="Choose a dataset with a test split.")
        drawn = np.random.SeedSequence([seed, _CHANCE]).generate_state(4).tolist()
        self._start = {"base": drawn[0], "new": drawn[1]}
        self._order = {"base": drawn[2], "new": drawn[3]}

    def as_data(self) -> dict[str, Any]:
        """The halves, how many images each has, and what always naming B's largest class gets on B's test images."""
        images = {"train": self._train, "test": self._test}
        return {"seed": self._seed} | asdict(self._halves) | {
            "images": {name: {half: len(split) for half, split in of.items()} for name, of in images.items()},
            "majority_baseline": majority_baseline(self._test["B"].labels),
        }  # fmt: skip

    def trained(self, cell: Cell, so_far: SoFar, at_step: Callable[[], None]) -> dict[str, Any]:
        """Make one network, train it, judge it; what there is to say about it. A base network is kept in `so_far`."""
        began = time.monotonic()
        half = "A" if cell.form == "A" else "B"
        chance = "base" if cell.form in ("A", "B") else "new"
        network = self._fresh(half, chance)
        if cell.form.removesuffix("+") in ("BnB", "AnB"):
            network.take_over(self._base(cell.form[0], so_far), cell.cut)
        epochs = self._spec.epochs * rounds(cell.frozen, self._spec.image_size)
        recipe = Recipe(epochs, self._spec.lr, self._spec.batch_size, self._order[chance])
        train_loss = train(network, self._train[half], recipe, self._machine, cut=cell.frozen, at_step=at_step)
        test = self._test[half]
        accuracy, loss = judge(network, test, self._machine)
        if cell.form in ("A", "B"):
            so_far.keep_weights(cell, network)
        low, high = wilson(accuracy, len(test))
        return {
            **asdict(cell),
            "accuracy": {"value": accuracy, "low": low, "high": high, "method": "wilson"},
            "loss": loss,
            "train_loss": train_loss,
            "seconds": time.monotonic() - began,
        }

    def _fresh(self, half: str, chance: str) -> SmallNetwork:
        network = SmallNetwork(len(self._classes[half]), batchnorm=self._spec.batchnorm, start=self._start[chance])
        self._machine.place(network)
        return network

    def _base(self, half: str, so_far: SoFar) -> SmallNetwork:
        network = self._fresh(half, "base")
        so_far.fill(network, Cell(self._seed, half, 0))
        return network
