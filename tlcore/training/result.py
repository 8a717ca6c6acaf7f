"""What a finished run says: the best epoch on the test split, with intervals, errors and weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from tlcore.data.load import Dataset, Split
from tlcore.files import replacing
from tlcore.made_with import MADE_WITH
from tlcore.runs import Run
from tlcore.source_probes.look import Probe
from tlcore.spec import RunSpec
from tlcore.training.evaluate import confident_errors, predict_batches
from tlcore.training.intervals import with_intervals
from tlcore.training.metrics import confusion_matrix, majority_baseline
from tlcore.training.report import Reporter
from tlcore.training.setup import Setup
from tlcore.training.state import State
from tlcore.training.weights import save_weights


def result_of(run: Run, spec: RunSpec, state: State, setup: Setup, data: Dataset, report: Reporter) -> dict[str, Any]:
    """Look at the test split with the network as it now is, write the run's files, and return the result's fields."""
    probabilities = _test_probabilities(state, setup, data, report)
    truth, classes = data.test.labels, data.classes
    report.progress("Computing intervals", 0, 1, "split")
    test = with_intervals(probabilities, truth, classes, seed=spec.seed, clusters=clusters_of(data.test))
    report.progress("Computing intervals", 1, 1, "split")
    with replacing(run.path / "predictions.npz") as file:
        np.savez_compressed(
            file,
            probabilities=probabilities,
            labels=truth,
            ids=np.array(data.test.ids, dtype=str),
            classes=np.array(classes),
            clusters=np.array(clusters_of(data.test) or (), dtype=str),  # whose each image is; empty: each stands for itself
        )
    save_weights(run.path / "weights.safetensors", state, spec, classes)
    best = state.history[state.best.epoch]
    images_seen = len(data.train.labels) * len(state.history)
    return {
        "run_id": run.id,
        "made_with": dict(MADE_WITH),
        "backbone": spec.backbone,
        "dataset": spec.dataset,
        "strategy": spec.strategy.name,
        "seed": spec.seed,
        "image_size": spec.image_size,
        "classes": list(classes),
        "test": test,
        "intervals_over": "images" if data.test.patients is None else "patients",
        "val": best["val"],
        "majority_baseline": majority_baseline(truth),
        "confusion": confusion_matrix(probabilities, truth).tolist(),
        "trainable_params": setup.plan.trainable_params,
        "total_params": setup.plan.total_params,
        "images_per_second": images_seen / max(state.train_seconds, 1e-9),
        "epochs_run": len(state.history),
        "best_epoch": state.best.epoch + 1,
        "stopped_early": state.stopped_early,
        "history": state.history,
        "plan": setup.plan.as_dict(),
        "drift": state.drift(),
        "weights": state.network.provenance,
        "data": {
            "images": {name: len(getattr(data, name).labels) for name in ("train", "val", "test")},
            "split_rule": data.card.split_rule,
            "digest": data.digest,
            "warnings": list(data.card.warnings),
        },
        "errors": confident_errors(probabilities, data.test, classes, run.path / "errors"),
        "device": setup.machine.name,
        "batch_size": spec.batch_size,
    }


def clusters_of(split: Split | Probe) -> list[str] | None:
    """Whose each image is; one whose patient is not told stands for itself. None where no patient is told."""
    if split.patients is None:
        return None
    return [f"image {i}" if patient is None else f"patient {patient}" for i, patient in enumerate(split.patients)]


def _test_probabilities(state: State, setup: Setup, data: Dataset, report: Reporter) -> np.ndarray:
    batches, done = [], 0
    for batch in predict_batches(setup.route(state), "test", batch_size=setup.evaluation_batch_size):
        batches.append(batch)
        done += len(batch)
        report.progress("Testing", done, len(data.test.labels), "images")
    return np.concatenate(batches)
