"""The layers job: what each layer group knows of a task before anything is trained, by where its weights come from.

Some images of each split go once through the network with each source's weights, and every group keeps a row for each
(`features`). On the rows of the training images a linear probe is fitted, its penalty chosen on the validation images, and
judged on the test images (`probe`); the scores that promise to tell the same without a test are beside it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tlcore.analysis.answers import Answers, Look
from tlcore.analysis.embedding import write_embedding
from tlcore.analysis.looking import PHOTOGRAPHS, Looking, photographs
from tlcore.analysis.shift_by_depth import in_words
from tlcore.analysis.thumbnails import write_thumbnails
from tlcore.data.load import Dataset, Split
from tlcore.errors import DataError, SpecError
from tlcore.runs import EventWriter, Run
from tlcore.spec import LayersSpec
from tlcore.training.job import load_data
from tlcore.training.machine import choose, repeatable
from tlcore.training.metrics import majority_baseline, why_undefined
from tlcore.training.refuse import refuse_early
from tlcore.training.report import Reporter
from tlcore.training.result import clusters_of

SHARES = {"val": 0.2, "test": 0.3}  # of the images; what these splits do not have, and the rest, are training images
ORDER = ("pretrained", "random")  # of the sources, however they were named
FEWEST = 4  # images of a split, below which nothing is chosen or judged on it
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
        everything = load_data(spec.run, report)
        data = _few(everything, spec)
        notices = [*data.notices, *why_undefined(data.test.labels, data.classes, "test")]
        for notice in notices:
            report.notice(notice)
        whole = _whole(data)
        photos, no_shift = photographs(spec, report)
        looking = Looking(run, spec, data, whole, photos, machine, report)
        first = [source for source in ORDER if source in spec.sources]  # the first is what the recommendation is about
        looks = [looking.look(source) for source in (*first, *spec.runs)]
        result = Answers(looks, data, len(everything.train), spec.run.seed, report.progress).result()
        result["moved"] = {run_id: looking.moved(run_id) for run_id in spec.runs}
        shift, why = looking.shift()
        no_shift = no_shift or why
        if shift and result["recommendation"] is not None:
            groups = [entry["name"] for entry in result["groups"] if entry["name"] == entry["group"]]
            result["recommendation"]["evidence"].append(in_words(shift, groups))
    for entry in result["groups"]:
        for run_id, moves in result["moved"].items():
            if entry["name"] in moves:
                entry["drift"][run_id] = moves[entry["name"]]["weight_drift"]
        entry["shift"] = shift.get(entry["name"])
        if entry["shift"] is None:
            entry["why"]["shift"] = no_shift
        if not entry["drift"]:
            entry["why"]["drift"] = NOT_A_GROUP if spec.runs else NO_RUN
    return result | {
        "shift": {"source": PHOTOGRAPHS, "photographs": len(photos)} if shift and photos else None,
        "embedding": _embedding(run, spec, looks, data, whole, report),
        "seen": looking.seen,
        "thumbnails": write_thumbnails(whole, run.path),
        "weights": {look.source: look.text for look in looks},
        "roots": {look.source: looking.root(look.source) for look in looks},
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
