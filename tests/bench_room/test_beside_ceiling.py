"""The prefix's operations, counted by hand, and its share of the ceiling."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from tlcore.bench.prefix import beside_ceiling, operations_of
from tlcore.bench.task import Task


def test_operations_are_two_for_each_multiplication() -> None:
    """A 3 x 3 convolution from 2 to 5 channels, 4 pictures of 8 x 8: 4 * 8 * 8 * 5 * 2 * 9 multiplications."""
    convolution = nn.Conv2d(2, 5, 3, padding=1)
    assert operations_of(convolution, torch.zeros(4, 2, 8, 8)) == 2 * 4 * 8 * 8 * 5 * 2 * 9
    depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
    assert operations_of(depthwise, torch.zeros(4, 6, 8, 8)) == 2 * 4 * 8 * 8 * 6 * 9


def test_a_prefix_beside_the_ceiling(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlcore.bench.prefix.SIDES", (64,))
    found = beside_ceiling(replace(task, backbone="resnet18"), rounds=3)
    assert found["format"] in ("float32", "bfloat16")
    assert found["gflops"] > 0
    assert 0 < found["quartiles"][0] <= found["share"] <= found["quartiles"][1]
    # 1.82 GMACs at 224 px without the classifier's half a million, as torchvision and timm tell: (32 / 224)^2 of that, doubled
    assert found["gflop_per_image"] == pytest.approx(2 * 1.8136 * (32 / 224) ** 2, rel=1e-3)
