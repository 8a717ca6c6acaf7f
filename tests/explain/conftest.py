"""A network so small that every explanation of it can be worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tlcore.groups import Group
from tlcore.models.cards import Preprocessing
from tlcore.models.network import Network
from tlcore.models.partition import Partition

SIDE = 2  # of its images


class Paper(nn.Module):
    """Red, and green less blue, each through a ReLU in place; their means over the places, weighed: logits 2 r - m and m."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.ReLU(inplace=True))
        self.head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.body[0].weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, -1]]).view(2, 3, 1, 1))
            self.head.weight.copy_(torch.tensor([[2.0, -1], [0, 1]]))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images).mean((2, 3)))


@pytest.fixture
def paper() -> Network:
    """That network; a pixel's 255 is 1 to it, and black is 0."""
    names = {"body": "body", "body.0": "body", "body.1": "body", "head": "head", "": None}
    tensors = {"body.0.weight": "body", "head.weight": "head"}
    groups = (Group("body", "top", 6), Group("head", "head", 4))
    look = Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bicubic", 1.0)
    told = {"source": "random", "text": "By hand.", "sha256": None, "licence": None}
    return Network(Paper(), look, told, Partition(groups, tensors, names))


@pytest.fixture
def sheet() -> np.ndarray:
    """Two images. One: red 1 and 0.6 above, green 1 below on the left. Two: blue alone, to which both channels are blind."""
    images = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    images[0, 0, 0, 0], images[0, 0, 1, 0], images[0, 1, 0, 1] = 255, 153, 255
    images[1, :, :, 2] = 255
    return images
