"""Trainings of the tiny network on the tiny task."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tiny import CLASSES, SIDE, Training, tiny_network, tiny_split

from tlcore.models.adapters import insert
from tlcore.strategies import Plan, Strategy, compile_plan, preset
from tlcore.training.machine import choose
from tlcore.training.setup import Setup
from tlcore.training.state import State


@pytest.fixture
def training() -> Callable[..., Training]:
    """Make a fresh training: `training("lp-ft", epochs=4, ...)`, with any field of `Setup`."""

    def make(
        strategy: str | Strategy = "full",
        *,
        epochs: int = 2,
        lr: float = 1e-2,
        images: int = 37,
        seed: int = 3,
        **fields: object,
    ) -> Training:
        network = tiny_network(len(fields.get("classes", CLASSES)))
        chosen = preset(strategy) if isinstance(strategy, str) else strategy
        insert(network, chosen.scope, seed=seed, image_size=SIDE)
        plan: Plan = compile_plan(chosen, network.groups, epochs=epochs, lr=lr)
        given = {
            "train": tiny_split(images, 1),
            "val": tiny_split(20, 2),
            "classes": CLASSES,
            "machine": choose("cpu", "float32"),
            "batch_size": 8,
            "flips": True,
        }
        setup = Setup(plan=plan, seed=seed, **(given | fields))
        return Training(State.fresh(network, plan), setup)

    return make
