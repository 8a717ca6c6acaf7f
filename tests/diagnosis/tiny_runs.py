"""Real trainings of the tiny network, reported as a training job reports: what the detectors read is what happened."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.training.tiny import CLASSES, SIDE, tiny_network, tiny_split
from tlcore.data.load import Split
from tlcore.diagnosis import Diagnosis, diagnose
from tlcore.errors import Diverged
from tlcore.figures.fold import Event
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy, compile_plan, preset
from tlcore.training.fit import fit
from tlcore.training.machine import choose
from tlcore.training.metrics import majority_baseline
from tlcore.training.setup import Setup
from tlcore.training.state import State


def changed(name: str, **axes: dict[str, Any]) -> Strategy:
    """A preset with some fields of its axes changed: `changed("full", scope={"batchnorm": "trained"})`."""
    base = preset(name)
    return base.model_copy(update={axis: getattr(base, axis).model_copy(update=fields) for axis, fields in axes.items()})


def noise_split(count: int, seed: int) -> Split:
    """Pictures and labels that have nothing to do with each other: whatever is learnt here is memorised."""
    split = tiny_split(count, seed)
    chance = np.random.default_rng(seed)
    pictures = chance.integers(0, 256, split.images.shape, dtype=np.uint8)
    return Split(pictures, chance.permutation(split.labels), split.ids)


def uneven_split(count: int, seed: int, *, rare: int) -> Split:
    """Dark and bright pictures, every `rare`-th of which is bright."""
    chance = np.random.default_rng(seed)
    labels = (np.arange(count) % rare == 0).astype(np.int64)
    pictures = 110 + 30 * labels[:, None, None, None] + chance.normal(0, 60, (count, SIDE, SIDE, 3))
    return Split(pictures.clip(0, 255).astype(np.uint8), labels, tuple(f"{seed}-{i}" for i in range(count)))


def train(train: Split, val: Split, *, strategy: Strategy | str = "full", **fields: Any) -> tuple[RunSpec, list[Event]]:
    """Train as asked, and return the spec with all events, the last one being the run's state."""
    spec = RunSpec(dataset="digits", strategy=strategy, **({"batch_size": 8, "lr": 1e-2, "seed": 3} | fields))
    network = tiny_network(len(CLASSES))
    plan = compile_plan(spec.strategy, network.groups, epochs=spec.epochs, lr=spec.lr)
    setup = Setup(
        plan=plan,
        train=train,
        val=val,
        classes=CLASSES,
        machine=choose("cpu", "float32"),
        seed=spec.seed,
        batch_size=spec.batch_size,
        optimizer=spec.optimizer,
        weight_decay=spec.weight_decay,
        class_weights=spec.class_weights,
        augment=spec.augment,
        flips=True,
    )
    events: list[Event] = [
        {
            "type": "plan",
            "plan": plan.as_dict(),
            "classes": list(CLASSES),
            "images": {"train": len(train.labels), "val": len(val.labels), "test": 0},
            "majority_baseline": majority_baseline(val.labels),
            "steps": setup.steps,
            "cut": None,
        }
    ]
    try:
        events.extend(fit(State.fresh(network, plan), setup))
    except Diverged as error:
        return spec, [*events, {"type": "state", "state": "failed", "error": error.as_dict()}]
    return spec, [*events, {"type": "state", "state": "done"}]


def found(spec: RunSpec, events: list[Event]) -> dict[str, str]:
    """The findings' severities by name."""
    return {finding.name: finding.severity for finding in told(spec, events).findings}


def told(spec: RunSpec, events: list[Event]) -> Diagnosis:
    return diagnose(spec, events)
