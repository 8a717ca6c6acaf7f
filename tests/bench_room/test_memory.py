"""The most memory resident: what the kernel says, in a process that holds nothing else."""

from __future__ import annotations

import pytest
import torch

from tlcore.bench.memory import _peak_bytes, peaks
from tlcore.bench.task import Task
from tlcore.errors import ThawError


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    before = _peak_bytes()
    held = torch.ones(300 * 2**20, dtype=torch.uint8)
    during = _peak_bytes()
    del held
    assert during >= 300 * 2**20
    assert during >= before
    assert _peak_bytes() > during - 50 * 2**20  # the kernel counts in batches


@pytest.mark.slow
def test_both_are_measured(task: Task) -> None:
    found = peaks(task)
    assert found["ratio"] == found["ours_bytes"] / found["plain_bytes"]
    assert min(found["ours_bytes"], found["plain_bytes"]) > 100e6  # torch alone takes more


@pytest.mark.slow
def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(ThawError, match="no_such_backbone"):
        peaks(Task("no_such_backbone", "head", dataset="digits", image_size=32, images_per_class=4, start="random"))
