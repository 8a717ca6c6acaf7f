"""Finished runs with chosen numbers, for tests of comparisons: what a result must have, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tlcore.compare.expand import Expansion, expand
from tlcore.compare.folder import Comparison, create
from tlcore.compare.spec import CompareSpec
from tlcore.data.catalogue import DATASETS
from tlcore.made_with import MADE_WITH, MadeWith
from tlcore.runs import Run
from tlcore.runs import create as create_run
from tlcore.spec import RunSpec

PARAMS = {"linear-probe": 1000, "last-group": 50_000, "full": 4_000_000, "random-features": 1000, "from-scratch": 4_000_000}


def spec_of(strategies: Sequence[str] = ("linear-probe", "full"), **fields: object) -> CompareSpec:
    """A small comparison on digits."""
    given = {"datasets": ["digits"], "strategies": list(strategies), "seeds": [0, 1, 2], "run": RunSpec(dataset="digits")}
    return CompareSpec(**given | fields)


def cards_of(spec: CompareSpec) -> dict:
    return {name: DATASETS[name] for name in spec.datasets}


def expanded(spec: CompareSpec) -> Expansion:
    return expand(spec, cards_of(spec))


def done(
    runs_dir: Path,
    spec: RunSpec,
    accuracy: float,
    *,
    seconds: float = 10.0,
    right: np.ndarray | None = None,
    clusters: Sequence[str] = (),
    made_with: MadeWith | None = MADE_WITH,
) -> Run:
    """A finished run with that test accuracy; `right` says which test images it named rightly."""
    run = create_run(runs_dir, spec)
    share = {"value": accuracy, "low": accuracy - 0.02, "high": min(1.0, accuracy + 0.02), "method": "wilson"}
    train = min(1257, 10 * (spec.images_per_class or 1257))
    epochs = [
        {
            "epoch": e,
            "seconds": seconds / spec.epochs,
            "val": {"accuracy": accuracy - 0.1 / (e + 1), "auroc": accuracy, "loss": 0.3},
        }
        for e in range(spec.epochs)
    ]
    run.write_result(
        {
            "run_id": run.id,
            **({} if made_with is None else {"made_with": dict(made_with)}),
            "classes": [str(c) for c in range(10)],
            "test": {"n": 361, "accuracy": share, "balanced_accuracy": share, "auroc": share, "f1": share},
            "intervals_over": "patients" if len(clusters) else "images",
            "majority_baseline": 0.1,
            "trainable_params": PARAMS.get(spec.strategy.name, 123),
            "seconds": seconds + 2.0,
            "history": epochs,
            "data": {"images": {"train": train, "val": 179, "test": 361}},
        }
    )
    if right is not None:
        np.savez(
            run.path / "predictions.npz",
            probabilities=np.stack([right, 1.0 - right], 1),
            labels=np.zeros(len(right), dtype=np.int64),
            ids=np.array([str(i) for i in range(len(right))]),
            clusters=np.array(clusters, dtype=str),
        )
    run.write_status(replace(run.written_status(), state="done", started_at=1.0, ended_at=2.0))
    return run


def filled(runs_dir: Path, values: Mapping[str, Sequence[float]], **fields: object) -> Comparison:
    """A comparison whose runs are all done: an accuracy for each strategy and seed."""
    spec = spec_of(list(values), **{"seeds": list(range(len(next(iter(values.values()))))), **fields})
    expansion = expanded(spec)
    for cell in expansion.cells:
        done(runs_dir, spec.run_of(cell), values[cell.strategy][cell.seed])
    comparison = create(runs_dir, spec, expansion)
    comparison.adopt()
    return comparison
