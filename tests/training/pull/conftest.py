"""Trainings of the tiny network with a pull, an old classifier and a few old images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import Training, tiny_split
from torch import nn

from tlcore.strategies.pull import Pull
from tlcore.training.pull.source import Source

OLD_CLASSES = 5


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def pulled(training) -> Callable[..., Training]:
    """`pulled(pull, strategy, ...)`: as `training`, with the pull and all that any of them needs."""

    def make(pull: Pull, strategy: object = "full", *, labelled: bool = False, **fields: object) -> Training:
        made = training(strategy, pull=pull, **fields)
        with torch.random.fork_rng():
            torch.manual_seed(11)
            head = nn.Linear(8, OLD_CLASSES).requires_grad_(False)
            head.weight *= 20  # so that its answers hang on the features
            made.state.network.source_head = head
        old = tiny_split(14, 9, noise=90.0)
        labels = np.arange(14) % OLD_CLASSES if labelled else None
        return Training(made.state, replace(made.setup, source=Source(old.images, labels, "old squares")))

    return make
