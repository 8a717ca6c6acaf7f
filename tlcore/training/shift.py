"""The shift job: how far a dataset's images are from the photographs that a backbone learnt from, as the backbone sees them.

A few hundred training images and as many everyday photographs go through the frozen backbone, as in a run whose head alone
trains, and what comes out below the head is compared (`discrepancy`). Its rows are kept and found where those of runs are.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import Tensor

from tlcore.data.catalogue import DATASETS
from tlcore.data.load import Split, load_sample, load_unlabelled
from tlcore.errors import DataError, SpecError
from tlcore.groups import HEAD
from tlcore.models.cards import SOURCES, saw_photographs
from tlcore.models.describe import describe
from tlcore.models.network import Network, build
from tlcore.runs import EventWriter, Run
from tlcore.spec import ShiftSpec
from tlcore.strategies import Strategy, compile_plan
from tlcore.strategies.scope import HeadOnly
from tlcore.training.discrepancy import discrepancy
from tlcore.training.frozen import BATCH, from_rows
from tlcore.training.machine import choose, repeatable
from tlcore.training.refuse import refuse_early
from tlcore.training.report import Reporter
from tlcore.training.route import CutRoute, Route
from tlcore.training.routing import Routing, decide

SOURCE = "natural-photos"  # the catalogue's everyday photographs
FEWEST = 10  # images of a side, below which a mean over pairs tells nothing


def shift(run: Run, events: EventWriter) -> dict[str, Any]:
    """Measure the shift and return {shift, low, high, floor, images {source, target}, source, weights, notices, seconds}.

    Raises `Cancelled`, `AssetError` where the photographs cannot be had, `SpecError` for weights that did not learn from
    photographs last and for a network without a cut below its head, and `DataError` for fewer than 10 images.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, ShiftSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} does not ask for a shift.")
    report = Reporter(run, events)
    asked = spec.run
    machine = choose(asked.device, asked.precision)
    with repeatable(machine):
        refuse_early(spec, report.runs_dir)
        splits = _pictures(spec, report)
        report.progress("Building the network", 0, 1, "network")
        network = build(
            asked.backbone,
            classes=2,  # the head plays no part
            start="pretrained",
            weights=asked.weights,
            seed=asked.seed,
            image_size=asked.image_size,
            progress=report.progress,
        )
        machine.place(network.module)
        notices = _doubts(network, asked.weights)
        whole = Route(network, machine, splits, asked.seed, False, False)
        plan = compile_plan(Strategy(scope=HeadOnly()), network.groups, epochs=1, lr=asked.lr)
        routing = decide(
            whole,
            plan,
            cut="auto",
            views=1,
            precision=asked.precision,
            head_solver="auto",
            backbone=asked.backbone,
        )
        routing, (route,), error = routing.laid(report.progress)
        if error is not None:
            notices.append(f"{error.message} What the frozen layers compute is not kept.")
        source, target = (_features(routing, route, name, report) for name in ("val", "train"))
    found = discrepancy(source, target, seed=asked.seed)
    return {
        **asdict(found),
        "images": {"source": len(source), "target": len(target)},
        "source": DATASETS[SOURCE].title,
        "weights": network.provenance["text"],
        "notices": notices,
        "seconds": time.monotonic() - began,
    }


def _pictures(spec: ShiftSpec, report: Reporter) -> dict[str, Split]:
    """The target's images as `train`, the photographs as `val`, each drawn by the seed."""
    asked = spec.run
    interpolation = describe(asked.backbone).preprocessing.interpolation
    target = load_sample(
        asked.dataset,
        labels=asked.labels,
        images=spec.images,
        image_size=asked.image_size,
        seed=asked.seed,
        interpolation=interpolation,
        progress=report.progress,
    )
    if len(target) < FEWEST:
        raise DataError(
            f"There are only {len(target)} training images; the shift is measured on {FEWEST} or more.",
            next_step="Say yourself how far they are from everyday photographs.",
        )
    photos = load_unlabelled(SOURCE, image_size=asked.image_size, interpolation=interpolation, progress=report.progress)
    rng = np.random.default_rng(np.random.SeedSequence([asked.seed, 11]))
    rows = np.sort(rng.permutation(len(photos))[: spec.images])
    few = Split(np.array(photos.images[rows]), photos.labels[rows], tuple(photos.ids[i] for i in rows))
    return {"train": target, "val": few}


def _doubts(network: Network, weights: str | None) -> list[str]:
    """What must be said about the source. Raises `SpecError` where photographs are not what the weights learnt from last."""
    text = network.provenance["text"] or ""
    if saw_photographs(text):
        return []
    if weights not in (None, *SOURCES) or text.startswith("Trained on what "):
        return ["Nobody says here what these weights learnt from: the distance is to everyday photographs."]
    raise SpecError(
        f"These weights did not learn from everyday photographs last, so the distance to those says little. {text}",
        next_step="Say yourself how far your images are from what it learnt.",
    )


def _features(routing: Routing, route: Route, name: str, report: Reporter) -> np.ndarray:
    """What comes out below the head for every picture of a split, (N, D) float32; a map or tokens are averaged."""
    frozen = routing.frozen
    if frozen is None or not isinstance(route, CutRoute):
        raise SpecError(
            f"The features of this network cannot be had apart. {routing.ways[0].reason}",
            next_step="Say yourself how far your images are from everyday photographs.",
        )
    images = routing.whole.splits[name].images
    parts = []
    for first in range(0, len(images), BATCH):
        last = min(first + BATCH, len(images))
        if name in route.rows:
            rows = route.rows[name][0].take(np.arange(first, last))
        else:
            rows = frozen.run(images[first:last], (HEAD,))[HEAD]
            report.progress("Looking at the images", last, len(images), "images")
        parts.append(_pooled(from_rows(rows).float()).numpy())
    return np.concatenate(parts)


def _pooled(activation: Tensor) -> Tensor:
    if activation.ndim == 4:
        return activation.mean((2, 3))
    return activation.mean(1) if activation.ndim == 3 else activation
