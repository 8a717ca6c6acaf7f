"""The commands that do a job here and now: train, measure, dial, find-rate, check."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from tlcore.cli import report
from tlcore.cli.arguments import check_spec, run_spec
from tlcore.data.catalogue import dataset_card
from tlcore.data.sources import listing, split_listing
from tlcore.engine import run
from tlcore.errors import DataError
from tlcore.spec import DialSpec, FindRateSpec, MeasureSpec, RunSpec, ShiftSpec, make
from tlcore.training.refuse import refuse_early

TRAIN_KEYS = (
    "run_id", "backbone", "dataset", "strategy", "test", "majority_baseline", "trainable_params", "total_params", "seconds",
    "images_per_second", "epochs_run", "best_epoch", "stopped_early", "seed", "image_size", "classes", "device", "precision",
    "batch_size", "weights", "intervals_over", "cut", "source", "forgetting", "source_seconds", "notices",
)  # fmt: skip


def train(given: argparse.Namespace) -> None:
    spec = run_spec(given)
    result = run(spec, runs_dir=given.runs_dir)
    if given.json:
        print(json.dumps({key: result[key] for key in TRAIN_KEYS if key in result}))
    else:
        print(report.training(result))


def measure(given: argparse.Namespace) -> None:
    spec = run_spec(given)
    refuse_early(spec, given.runs_dir)
    counts = _count(spec)
    result = run(MeasureSpec(run=spec, **counts), runs_dir=given.runs_dir)
    print(json.dumps(result) if given.json else report.measurement(result))


def dial(given: argparse.Namespace) -> None:
    result = run(dial_spec(given), runs_dir=given.runs_dir)
    print(json.dumps(result) if given.json else report.levels(result))


def dial_spec(given: argparse.Namespace) -> DialSpec:
    """The dial's question: `--epochs` are those in which the groups of each level train. Raises `SpecError`."""
    own = {"epochs": given.epochs} if "epochs" in given else {}
    return make(DialSpec, run=run_spec(given), **own)


def shift(given: argparse.Namespace) -> None:
    spec = run_spec(given)
    result = run(ShiftSpec(run=spec), runs_dir=given.runs_dir)
    print(json.dumps(result) if given.json else report.shift(result, spec.dataset))


def find_rate(given: argparse.Namespace) -> None:
    result = run(FindRateSpec(run=run_spec(given)), runs_dir=given.runs_dir)
    print(json.dumps(result) if given.json else report.rate_found(result))


def check(given: argparse.Namespace) -> None:
    spec = check_spec(given)
    result = run(spec, runs_dir=given.runs_dir)
    print(json.dumps(result) if given.json else report.findings(result))


def _count(spec: RunSpec) -> dict[str, Any]:
    """How many images and classes a run of `spec` would have, from the listing alone: no picture is decoded."""
    card = dataset_card(spec.dataset)
    found = split_listing(card, listing(spec.dataset, labels=spec.labels, image_size=spec.image_size))
    splits = Counter(item.split for item in found.items)
    by_class = Counter(item.label for item in found.items if item.split == "train")
    if len(found.classes) < 2:
        raise DataError("A classifier needs at least two classes.", next_step="Choose another dataset.")
    most = spec.images_per_class or max(by_class.values(), default=1)
    return {
        "train_images": sum(min(count, most) for count in by_class.values()),
        "val_images": splits["val"],
        "test_images": splits["test"],
        "classes": len(found.classes),
    }
