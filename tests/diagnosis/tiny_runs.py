"""Real trainings of the tiny network, reported as a training job reports: what the detectors read is what happened."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from tests.training.tiny import CLASSES, SIDE, tiny_network, tiny_split
from tlcore.data.load import Split
from tlcore.diagnosis import diagnose
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


def striped_split(count: int, seed: int, *, rare: int = 2) -> Split:
    """Level stripes, and upright ones in every `rare`-th picture; all equally bright.

    What was learnt about bright and dark says nothing about them.
    """
    chance = np.random.default_rng(seed)
    labels = (np.arange(count) % rare == 0).astype(np.int64)
    places = np.arange(SIDE)[None] + chance.integers(0, 4, count)[:, None]  # four pixels a period, at any offset
    wave = 40 * np.where(places % 4 < 2, 1, -1)
    upright = labels[:, None, None] == 1
    pictures = 125 + np.where(upright, wave[:, None, :], wave[:, :, None])[..., None]
    noisy = pictures + chance.normal(0, 40, (count, SIDE, SIDE, 3))
    return Split(noisy.clip(0, 255).astype(np.uint8), labels, tuple(f"{seed}-{i}" for i in range(count)))


@cache
def _pretrained() -> dict[str, torch.Tensor]:
    """The weights of a network that tells bright from dark pictures, without its head."""
    network = tiny_network(len(CLASSES))
    plan = compile_plan(changed("full", rates={"body_lr_mult": 1.0}), network.groups, epochs=8, lr=1e-2)
    machine = choose("cpu", "float32")
    setup = Setup(plan, tiny_split(256, 9), tiny_split(100, 8), CLASSES, machine, seed=1, batch_size=16, flips=True)
    *_, last = fit(State.fresh(network, plan), setup)
    assert last["val"]["accuracy"] > 0.95
    return {name: tensor for name, tensor in network.module.state_dict().items() if not name.startswith("head")}


def train(train: Split, val: Split, *, strategy: Strategy | str = "full", **fields: Any) -> tuple[RunSpec, list[Event]]:
    """Train as asked, and return the spec with all events, the last one being the run's state."""
    spec = RunSpec(dataset="digits", strategy=strategy, **({"batch_size": 16, "lr": 1e-2, "seed": 3} | fields))
    network = tiny_network(len(CLASSES), seed=1)  # a head that has never seen these features
    if spec.strategy.start.kind == "pretrained":
        network.module.load_state_dict(_pretrained(), strict=False)
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
    return {finding.name: finding.severity for finding in diagnose(spec, events).findings}
