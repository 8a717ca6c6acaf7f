"""A chain of three runs, trained once for all the tests here, and a copy of it to break."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.from_run.chains import spec_of, train
from tlcore.runs import Run
from tlcore.strategies.scope import Top
from tlcore.strategies.start import FromRun, Random


@contextmanager
def own_cache(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(folder))
        yield


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with own_cache(tmp_path_factory.mktemp("cache")):
        yield


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two classes of small pictures."""
    folder, rng = tmp_path_factory.mktemp("data") / "squares", np.random.default_rng(0)
    for level, name in ((60, "dark"), (180, "light")):
        (folder / name).mkdir(parents=True)
        for i in range(14):
            pixels = rng.normal(level, 30, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory, squares: Path) -> tuple[Path, list[Run], list[dict]]:
    """Three runs, each from the one before: from random weights, on other images with another head, and back again."""
    folder = tmp_path_factory.mktemp("chain")
    runs = folder / "runs"
    with own_cache(folder / "cache"):
        first = train(runs, spec_of(Random(), scope=Top(count=2, batchnorm="trained"), seed=5))
        second = train(runs, spec_of(FromRun(run_id=first[0].id), seed=6, dataset=str(squares), head="mlp"))
        third = train(runs, spec_of(FromRun(run_id=second[0].id), seed=7))
    made = (first, second, third)
    return runs, [run for run, _ in made], [result for _, result in made]


@pytest.fixture
def runs(chain: tuple[Path, list[Run], list[dict]], tmp_path: Path) -> Path:
    """A copy of the folder of runs, to break."""
    return Path(shutil.copytree(chain[0], tmp_path / "runs"))
