"""A task small enough for a test, and its images as a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlcore.bench.pictures import Folder, lay_out
from tlcore.bench.task import Task

TASK = Task(
    "mobilenetv3_small_100", "head", 0, "digits", image_size=32, images_per_class=4, epochs=1, batch_size=8, start="random"
)


@pytest.fixture(scope="session")
def task() -> Task:
    return TASK


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path: Path = tmp_path_factory.mktemp("bench") / "pictures"
    return lay_out(TASK, path)
