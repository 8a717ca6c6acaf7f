"""What a run of this engine costs against the number of its images."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlcore.bench.cell import Say
from tlcore.bench.ours import ask_twice
from tlcore.bench.pictures import lay_out
from tlcore.bench.task import Task

SHARES = (4, 2, 1)  # a quarter of the images, half of them, all


def growth(task: Task, *, say: Say) -> list[dict[str, Any]]:
    """Seconds of `task` at a quarter, half and all of its images; `images` counts training, validation and test."""
    rows = []
    for share in SHARES:
        smaller = replace(task, images_per_class=max(3, task.images_per_class // share))
        with tempfile.TemporaryDirectory() as scratch:
            folder = lay_out(smaller, Path(scratch) / "pictures")
            images = sum(folder.images.values())
            say(f"{task}: growth, {images} images")
            asked = ask_twice(smaller.spec(str(folder.path)))
        rows.append({"images": images, "seconds_first": asked.first, "seconds_again": asked.again})
    return rows
