"""Events of runs that never were, each number chosen: four groups, ten steps an epoch, two classes."""

from __future__ import annotations

import json
from typing import Any

from tlcore.diagnosis import Diagnosis
from tlcore.figures.fold import Event
from tlcore.groups import Group
from tlcore.spec import RunSpec
from tlcore.strategies import compile_plan

GROUPS = (
    Group("bottom", "bottom", 100, 1, bias_params=10),
    Group("middle", "middle", 200, 1),
    Group("top", "top", 300, 1),
    Group("head", "head", 20),
)


def asked(strategy: str = "full", **fields: Any) -> RunSpec:
    return RunSpec(**({"dataset": "digits", "strategy": strategy, "epochs": 6} | fields))


def plan(spec: RunSpec, *, val: int = 400, classes: int = 2, majority: float | None = 0.5, solver: str = "steps") -> Event:
    compiled = compile_plan(spec.strategy, GROUPS, epochs=spec.epochs, lr=spec.lr)
    ways = [{"kind": "kept", "solver": solver} for _ in compiled.phases]
    return {
        "type": "plan",
        "plan": json.loads(json.dumps(compiled.as_dict())),
        "classes": [f"class {i}" for i in range(classes)],
        "images": {"train": 400, "val": val, "test": 0},
        "majority_baseline": majority if val else None,
        "steps": 10 * spec.epochs,
        "cut": {"phases": ways, "prefix": None},
    }


def epoch(number: int, train: float, val: float | None, accuracy: float | None, **fields: Any) -> Event:
    """One epoch's event; `trained` is the training accuracy, `moved` the drift of the backbone's groups."""
    recall = fields.get("recall", {"class 0": accuracy, "class 1": accuracy})
    moved = fields.get("moved", 0.001)
    return {
        "type": "epoch",
        "epoch": number,
        "step": 10 * (number + 1),
        "phase": fields.get("phase", 0),
        "train": {"loss": train, "accuracy": fields.get("trained", 0.99)},
        "val": {"loss": val, "accuracy": accuracy, "auroc": None, "recall": recall},
        "drift": {"bottom": moved, "middle": moved, "top": moved, "head": fields.get("head", 0.5)},
    }


def step(number: int, loss: float | None, phase: int = 0) -> Event:
    return {"type": "step", "step": number, "epoch": 0, "phase": phase, "loss": loss}


def names(told: Diagnosis) -> set[str]:
    return {finding.name for finding in told.findings}
