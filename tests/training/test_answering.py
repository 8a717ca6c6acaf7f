"""Answering with folded BatchNorms: the same answers, and a network that is left as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import SIDE, tiny_network, tiny_split
from torch import nn

from tlcore.models.network import build
from tlcore.training.answering import WORTH, for_answers
from tlcore.training.evaluate import predict
from tlcore.training.machine import choose
from tlcore.training.route import Route

CPU = choose("cpu", "float32")


def route_of(network, images: int = WORTH, side: int = SIDE, machine=CPU) -> Route:
    split = tiny_split(images, 2)
    if side != SIDE:
        split = replace(split, images=np.random.default_rng(0).integers(0, 256, (images, side, side, 3), dtype=np.uint8))
    return Route(network, machine, {"val": split}, seed=0, augments=False, flips=False)


def plain(route: Route) -> np.ndarray:
    with torch.inference_mode():
        return torch.softmax(route.logits(route.evaluation_inputs("val", 0, WORTH)).double(), 1).numpy()


@pytest.fixture(scope="module")
def lite0():
    network = build("tf_efficientnet_lite0", classes=3, start="random", seed=0, image_size=32)
    CPU.place(network.module)
    draw = torch.Generator().manual_seed(1)
    for module in network.module.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics and weights that a fold could get wrong
            module.running_mean.normal_(0, 0.3, generator=draw)
            module.running_var.uniform_(0.5, 2, generator=draw)
            module.bias.data.normal_(0, 0.2, generator=draw)
    nn.init.normal_(network.head.weight, std=0.3, generator=draw)
    return network


def test_the_answers_are_those_of_the_plain_network(lite0) -> None:
    route = route_of(lite0, side=32)
    assert for_answers(route, "val") is not route
    expected = plain(route)
    assert expected.std(0).max() > 1e-3  # answers that differ from image to image
    np.testing.assert_allclose(predict(route, "val", batch_size=16), expected, atol=1e-5)


def test_the_network_is_left_as_it_was(lite0) -> None:
    route = route_of(lite0, side=32)
    before = {name: tensor.clone() for name, tensor in lite0.module.state_dict().items()}
    module = lite0.module
    predict(route, "val", batch_size=16)
    assert lite0.module is module
    assert route.module is module
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert any(isinstance(part, nn.BatchNorm2d) for part in module.modules())


def test_what_has_moved_since_is_answered_for(lite0) -> None:
    route = route_of(lite0, side=32)
    first = predict(route, "val", batch_size=16)
    with torch.no_grad():
        lite0.head.weight.mul_(-1)
        lite0.head.bias.mul_(-1)
    np.testing.assert_allclose(predict(route, "val", batch_size=16), plain(route), atol=1e-5)
    assert not np.allclose(first, plain(route), atol=1e-3)


def test_few_images_a_lower_format_and_a_network_without_batchnorm_go_through_the_network_itself(lite0) -> None:
    few = route_of(lite0, images=WORTH - 1, side=32)
    half = route_of(lite0, side=32, machine=replace(CPU, precision="bfloat16"))
    assert for_answers(few, "val") is few
    assert for_answers(half, "val") is half
    route = route_of(replace(tiny_network(3), module=nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 3))))
    assert for_answers(route, "val") is route


class Contrary(nn.Module):
    """Its own Python does not survive a trace."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.convolution = nn.Conv2d(3, 3, 1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        seen = self.norm(self.convolution(pictures)).mean((2, 3))
        return seen if bool(seen.sum() > -1e9) else -seen


def test_a_network_that_cannot_be_traced_answers_for_itself() -> None:
    network = replace(tiny_network(3), module=Contrary().eval())
    route = route_of(network)
    assert for_answers(route, "val") is route
