"""What a transferability experiment would take on this machine: some steps of each kind of network, timed on noise."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch

from tlcore.analysis.small_network import SmallNetwork
from tlcore.analysis.small_training import Inputs, Recipe, judge, one_step, optimizer_of, solve, steady
from tlcore.analysis.transferability_plan import CUTS, cells, rounds
from tlcore.data.catalogue import dataset_card
from tlcore.data.load import Split
from tlcore.data.sources import listing, split_listing
from tlcore.errors import SpecError
from tlcore.progress import Progress
from tlcore.runs import EventWriter, Run
from tlcore.spec import TransferabilityCostSpec
from tlcore.training.chance import steps_per_epoch
from tlcore.training.machine import Machine, choose, repeatable
from tlcore.training.refuse import refuse_early
from tlcore.training.report import Reporter

WARM, TIMED = 3, 9  # steps
NOISE_IMAGES = 256
_ON_AVERAGE = 0.5  # of the classes are in a half


def cost(run: Run, events: EventWriter) -> dict[str, Any]:
    """Time some steps with each number of frozen layers; returns what all networks would take (tlcore/README.md)."""
    spec = run.spec()
    if not isinstance(spec, TransferabilityCostSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} does not ask what an experiment costs.")
    report = Reporter(run, events)
    machine = choose(spec.device, "float32")
    with repeatable(machine):
        refuse_early(spec)
        images, classes = _counts(spec, report.progress)
        half = {name: round(count * _ON_AVERAGE) for name, count in images.items()}
        took = []
        for frozen in (0, *CUTS):
            report.progress("Timing the networks", frozen, 1 + len(CUTS), "cuts")
            took.append(_one(spec, classes, frozen, half, machine, report.check))
    every = list(cells(spec))
    return {
        "seconds": sum(took[cell.frozen] for cell in every),
        "networks": len(every),
        "seconds_by_frozen_layers": took,
        "images": half,
        "device": machine.name,
    }


def _one(
    spec: TransferabilityCostSpec,
    classes: int,
    frozen: int,
    images: dict[str, int],
    machine: Machine,
    check: Callable[[], None],
) -> float:
    """Seconds of a network with so many frozen layers: what they make of each image, the steps, and the test."""
    network = SmallNetwork(max(2, classes // 2), batchnorm=spec.batchnorm, start=0)
    machine.place(network)
    steady(network, frozen)
    noise, labels = _noise(spec, machine)
    began = time.perf_counter()
    inputs = Inputs(network, noise, machine, frozen)
    if frozen == len(CUTS):
        solve(network, inputs, noise, check)
    once = (time.perf_counter() - began) / len(noise) if frozen else 0.0
    steps = [] if frozen == len(CUTS) else _steps(spec, network, frozen, inputs, labels, machine, check)
    began = time.perf_counter()
    judge(network, noise, machine)
    judged = (time.perf_counter() - began) / len(noise)
    all_steps = spec.epochs * rounds(frozen, spec.image_size) * steps_per_epoch(images["train"], spec.batch_size)
    return once * images["train"] + (all_steps * median(steps) if steps else 0.0) + judged * images["test"]


def _steps(
    spec: TransferabilityCostSpec,
    network: SmallNetwork,
    frozen: int,
    inputs: Inputs,
    labels: torch.Tensor,
    machine: Machine,
    check: Callable[[], None],
) -> list[float]:
    """Seconds of some steps, after a few that nobody counts."""
    optimizer = optimizer_of(network, Recipe(spec.epochs, spec.lr, spec.batch_size, 0))
    rows = torch.arange(spec.batch_size, device=machine.device) % NOISE_IMAGES
    steps = []
    for _ in range(WARM + TIMED):
        check()
        began = time.perf_counter()
        float(one_step(network, inputs, labels, rows, optimizer, frozen))
        steps.append(time.perf_counter() - began)
    return steps[WARM:]


def _noise(spec: TransferabilityCostSpec, machine: Machine) -> tuple[Split, torch.Tensor]:
    side = spec.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (NOISE_IMAGES, side, side, 3), dtype=np.uint8)
    labels = np.arange(NOISE_IMAGES, dtype=np.int64) % 2  # a head on noise is work to solve
    return Split(pictures, labels, ("",) * NOISE_IMAGES), torch.from_numpy(labels).to(machine.device)


def _counts(spec: TransferabilityCostSpec, progress: Progress) -> tuple[dict[str, int], int]:
    """Images of the training and the test split, and classes; no picture is decoded, and nothing catalogued is fetched."""
    card = dataset_card(spec.dataset)
    classes = len(card.classes)
    if card.images is not None and classes:
        train, test, most = card.images["train"], card.images["test"], spec.images_per_class
        return {"train": train if most is None else min(train, most * classes), "test": test}, classes
    found = split_listing(card, listing(spec.dataset, labels=spec.labels, image_size=spec.image_size, progress=progress))
    splits = Counter(item.split for item in found.items)
    by_class = Counter(item.label for item in found.items if item.split == "train")
    most = spec.images_per_class or max(by_class.values(), default=1)
    return {"train": sum(min(count, most) for count in by_class.values()), "test": splits["test"]}, len(found.classes)
