"""Fixtures of the tests of the layers job; the rest of this folder does not see them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.analysis.small_layers import RUN, SPEC, Done, do, pretending
from tlcore.runs import EventWriter, create
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Top
from tlcore.strategies.start import Random
from tlcore.training.job import train


@pytest.fixture(scope="session")
def layers_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache of layers")


@pytest.fixture(scope="session")
def layers_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs of layers")


@pytest.fixture(scope="module")
def small_layers(layers_cache: Path) -> Iterator[None]:
    """For `pytestmark`: the tests of a file run with what `pretending` puts in place."""
    with pretending(layers_cache):
        yield


@pytest.fixture(scope="session")
def trained(layers_runs: Path, layers_cache: Path) -> Done:
    """A run from random weights that moved its top two groups and its head, one epoch."""
    strategy = Strategy(scope=Top(count=2, batchnorm="trained"), start=Random())
    run = create(layers_runs, RUN.model_copy(update={"strategy": strategy, "images_per_class": 12, "epochs": 1}))
    with pretending(layers_cache), closing(EventWriter(run)) as events:
        result = train(run, events)
    run.write_result(result)
    run.write_status(replace(run.status(), state="done"))
    return run, result


@pytest.fixture(scope="session")
def answered(layers_runs: Path, layers_cache: Path, trained: Done) -> Done:
    """What the layers are asked of that run, and of the two sources of weights."""
    with pretending(layers_cache):
        return do(layers_runs, SPEC.model_copy(update={"runs": (trained[0].id,)}))
