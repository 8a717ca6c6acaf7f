"""Finished runs on digits, from made-up pretrained weights with a 1,000-way classifier, and sources of noise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.source_probes.made import SIDE, SMALL, fill_cache, weights_file
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import HeadOnly, Top
from tlcore.training.job import train


@contextlib.contextmanager
def _folders(room: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(room / "cache"))
        patch.setenv("THAW_OFFLINE", "1")
        patch.setenv("THAW_RUNS_DIR", str(room / "runs"))
        yield


@pytest.fixture(scope="session")
def _room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = tmp_path_factory.mktemp("forgetting")
    with _folders(room):
        fill_cache(room / "cache")
        weights_file(room)
    return room


@pytest.fixture
def room(_room: Path) -> Iterator[Path]:
    """A folder with `runs` and a cache that holds the sources; nothing is fetched."""
    with _folders(_room):
        yield _room


def finish(room: Path, **fields: Any) -> Run:
    """Train a short run on digits from the made-up weights, here and now, and leave its folder as the engine does."""
    usual: dict[str, Any] = {"backbone": SMALL, "weights": str(room / "own-1000.safetensors"), "image_size": SIDE}
    usual |= {"dataset": "digits", "images_per_class": 8, "epochs": 1, "lr": 3e-3, "seed": 3}
    usual |= {"device": "cpu", "precision": "float32", "cut": "off"}
    with _folders(room):
        run = create(room / "runs", RunSpec(**usual | fields), state="running")
        with contextlib.closing(EventWriter(run)) as events:
            run.write_result(train(run, events))
        run.write_status(replace(run.written_status(), state="done"))
    return run


@pytest.fixture(scope="session")
def moved(_room: Path) -> Run:
    """A run that moved its top two groups, their BatchNorm statistics, and its head."""
    return finish(_room, strategy=Strategy(scope=Top(count=2, batchnorm="trained")))


@pytest.fixture(scope="session")
def probed(_room: Path) -> Run:
    """A run that moved its head alone."""
    return finish(_room, strategy=Strategy(scope=HeadOnly()))
