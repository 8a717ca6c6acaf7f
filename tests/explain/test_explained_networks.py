"""Maps of real architectures: each family at every layer group, whatever is frozen, adapted or put in the head's place."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.analysis.watched import CPU, network_of
from tests.explain.closed_form import closed_form
from tests.explain.leaks import differing, traces
from tests.training.tiny import SIDE, tiny_network, tiny_split
from tlcore.analysis.maps import as_map, evaluating, pictures
from tlcore.explain.maps import explain, layers_asked
from tlcore.explain.places import Place, places, window
from tlcore.models.adapters import insert
from tlcore.models.catalogue import BACKBONES
from tlcore.models.kinds import adapter_tensors
from tlcore.models.network import build
from tlcore.strategies.scope import Bottleneck, LoRA, Scope
from tlcore.training.machine import Machine

SMALLEST = [
    "mobilenetv3_small_100",
    "resnet18",
    "tf_efficientnet_lite0",
    "regnety_002",
    "convnext_atto",
    "vit_tiny_patch16_224",
]
LARGE = sorted(set(BACKBONES) - set(SMALLEST))
BACKBONE = [*SMALLEST, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]


def side_of(name: str) -> int:
    return 70 if BACKBONES[name].image_size_multiple == 14 else 64


def noise(side: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def classes(*given: int) -> np.ndarray:
    return np.array(given)


@pytest.mark.parametrize("name", BACKBONE)
def test_every_group_of_every_backbone(name: str) -> None:
    """The map equals the formula at every group, and what speaks for a class speaks against the other: no place is in both."""
    side = side_of(name)
    network, images = network_of(name, side), noise(side)
    found = places(network, CPU, image_size=side)
    groups = [group.name for group in network.groups[:-1]]
    assert list(found) == [name for name in groups if name != "fully connected"]
    with evaluating(network.module):
        plain = network.module(pictures(network, CPU, torch.from_numpy(images))).numpy()
    for place in found.values():
        one = explain(network, CPU, images, place=place, targets=classes(0, 0), against=classes(1, 1))
        other = explain(network, CPU, images, place=place.group, targets=classes(1, 1), against=classes(0, 0))
        assert one.values.shape == (2, place.side, place.side)
        assert one.place == other.place == place
        assert not ((one.values > 0) & (other.values > 0)).any()
        assert (one.values.any((1, 2)) | other.values.any((1, 2))).all()
        np.testing.assert_array_equal(one.logits, plain)
    top = found[list(found)[-1]]
    for place in (next(iter(found.values())), top):
        values = explain(network, CPU, images, place=place, targets=classes(1, 1)).values
        expected = closed_form(network, place, images, 1)
        np.testing.assert_allclose(values, expected, atol=1e-4 * max(1e-6, expected.max()))
    assert explain(network, CPU, images).place == top


PLACES = {
    "resnet18": {"stem": ("act1", 32), "stage 4": ("layer4", 2)},  # before the stem's pooling
    "tf_efficientnet_lite0": {"stage 7": ("bn2", 2)},
    "vit_tiny_patch16_224": {
        "stem": ("norm_pre", 4),
        "blocks 7-9": ("blocks.8.norm1", 4),
        "blocks 10-12": ("blocks.11.norm1", 4),
    },
}


@pytest.mark.parametrize("name", PLACES)
def test_where_maps_are_read(name: str) -> None:
    found = places(network_of(name, 64), CPU, image_size=64)
    assert {group: (found[group].module, found[group].side) for group in PLACES[name]} == PLACES[name]


@pytest.mark.slow
def test_where_large_networks_are_read() -> None:
    swin = places(network_of("swin_tiny_patch4_window7_224", 64), CPU, image_size=64)
    assert (swin["stage 1"].module, swin["stage 1"].side, swin["stage 1"].channels) == ("layers.0", 16, 96)
    assert (swin["stage 4"].module, swin["stage 4"].side) == ("norm", 2)
    vgg = places(network_of("vgg11_bn", 64), CPU, image_size=64)
    assert (vgg["stage 5"].module, vgg["stage 5"].side) == ("features.27", 4)  # the last convolution's, not the pooling's
    assert "fully connected" not in vgg


def test_a_group_of_one_place_is_absent() -> None:
    assert list(places(network_of("resnet18", 32), CPU, image_size=32)) == ["stem", "stage 1", "stage 2", "stage 3"]


def test_at_the_last_block_of_a_vit_every_gradient_of_a_patch_is_zero() -> None:
    """The trap: only the class token goes on from there. At its norm1, before its attention, none of it is lost."""
    network, images = network_of("vit_tiny_patch16_224", 64), noise(64)
    right = places(network, CPU, image_size=64)["blocks 10-12"]
    wrong = Place(right.group, "blocks.11", right.side, right.channels)
    options = {"targets": classes(0, 0), "against": classes(1, 1)}
    trapped = explain(network, CPU, images, place=wrong, **options)
    assert not trapped.values.any()
    assert trapped.silent.all()
    with torch.enable_grad(), window(network, right) as opened:
        network.module(pictures(network, CPU, torch.from_numpy(images)))[:, 0].sum().backward()
    assert (opened.maps.grad.abs().amax(1) > 0).all()  # of every patch
    assert not explain(network, CPU, images, place=right, **options).silent.all()


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_frozen_training_and_bfloat16_make_no_difference(name: str) -> None:
    network, images = network_of(name, 64), noise(64)
    expected = explain(network, CPU, images).values
    network.module.requires_grad_(False)
    np.testing.assert_array_equal(explain(network, CPU, images).values, expected)
    network.module.train()
    with torch.inference_mode():
        np.testing.assert_array_equal(explain(network, CPU, images).values, expected)
    half = Machine(torch.device("cpu"), "bfloat16")
    with torch.no_grad(), half.autocast():
        np.testing.assert_array_equal(explain(network, half, images).values, expected)
    assert all(part.training for part in network.module.modules())


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0"])
def test_a_network_with_a_lean_backward_pass_has_the_same_maps(name: str) -> None:
    network, images = network_of(name, 64), noise(64)
    methods = ["gradcam", "gradcam++", "guided-gradcam"]
    before = {method: explain(network, CPU, images, method=method).values for method in methods}
    CPU.place(network.module)  # takes activations out of their place, and gives convolutions another class
    for method in methods:
        values = explain(network, CPU, images, method=method).values
        np.testing.assert_allclose(values, before[method], rtol=1e-3, atol=1e-5 * np.abs(before[method]).max())


@pytest.mark.parametrize("scope", [LoRA(rank=4), Bottleneck(width=4)], ids=["lora", "bottleneck"])
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_adapters(name: str, scope: Scope) -> None:
    network, images = network_of(name, 64), noise(64)
    plain = explain(network, CPU, images).values
    insert(network, scope, seed=0, image_size=64)
    np.testing.assert_allclose(explain(network, CPU, images).values, plain, atol=1e-6)  # which change no answer yet
    generator, inside = torch.Generator().manual_seed(1), adapter_tensors(network.module)
    with torch.no_grad():
        for tensor_name, parameter in network.module.named_parameters():
            parameter.requires_grad_(tensor_name in inside)
            if tensor_name in inside:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    place = places(network, CPU, image_size=64)
    place = place[list(place)[-1]]
    values = explain(network, CPU, images, targets=classes(1, 1)).values
    expected = closed_form(network, place, images, 1)
    assert np.abs(expected - plain).max() > 1e-4
    np.testing.assert_allclose(values, expected, atol=1e-4 * max(1e-6, expected.max()))


@pytest.mark.parametrize("head", ["linear", "mlp", "cosine", "attention"])
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_heads(name: str, head: str) -> None:
    network = build(name, classes=3, start="random", seed=0, image_size=64, head=head)
    images, found = noise(64), places(network, CPU, image_size=64)
    place = found[list(found)[-1]]
    for target in (0, 2):
        values = explain(network, CPU, images, targets=classes(target, target)).values
        expected = closed_form(network, place, images, target)
        np.testing.assert_allclose(values, expected, atol=1e-4 * max(1e-6, expected.max()))


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "integrated-gradients", "guided-gradcam", "occlusion"])
def test_batchnorm_and_dropout_are_left_alone(method: str) -> None:
    """A network in training mode, some of it frozen, with gradients from a step before: everything is as it was."""
    network, images = tiny_network(), tiny_split(5, 0).images
    quiet = copy.deepcopy(network.module).eval()
    network.module.train()
    network.module.middle.eval()
    network.module.stem.requires_grad_(False)
    network.module.top[0].weight.grad = torch.ones_like(network.module.top[0].weight)
    before = traces(network.module)
    found = explain(network, CPU, images, method=method)
    assert differing(before, traces(network.module)) == []
    with torch.inference_mode():  # answered in eval mode throughout
        expected = quiet(pictures(network, CPU, torch.from_numpy(images))).numpy()
    np.testing.assert_allclose(found.logits, expected, atol=1e-6)
    assert found.values.shape == (5, SIDE, SIDE) if method not in ("gradcam", "gradcam++") else (5, 4, 4)


def test_a_window_changes_no_answer_in_any_layout() -> None:
    class Layouts(nn.Module):
        num_prefix_tokens = 1

        def __init__(self, layout: str) -> None:
            super().__init__()
            self.layout, self.read = layout, nn.Identity()
            self.output_fmt = "NHWC" if layout == "last" else "NCHW"

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            if self.layout == "last":
                maps = maps.permute(0, 2, 3, 1)
            if self.layout == "tokens":
                patches = maps.flatten(2).transpose(1, 2)
                maps = torch.cat([patches.sum(1, keepdim=True), patches], 1)
            return self.read(maps) * 2

    network, maps = tiny_network(), torch.rand(2, 4, 4, 4)  # as many channels as rows: only the layout's own word tells
    for layout in ("first", "last", "tokens"):
        network.module = Layouts(layout)
        expected = network.module(maps)
        with window(network, Place("any", "read", 4, 4)) as opened:
            assert torch.equal(network.module(maps), expected)
        assert torch.equal(opened.maps, maps)
        assert torch.equal(as_map(expected, network.module).permute(0, 3, 1, 2), maps * 2)


def test_all_layers_are_those_that_the_method_can_look_at() -> None:
    network = build("vit_tiny_patch16_224", classes=2, start="random", seed=0, image_size=32)

    def asked(method: str, layer: str) -> list[str | None]:
        return layers_asked(method, layer, network, CPU, image_size=32)

    blocks = ["blocks 1-3", "blocks 4-6", "blocks 7-9", "blocks 10-12"]
    assert asked("gradcam", "all") == ["stem", *blocks]
    assert asked("attention-rollout", "all") == blocks  # the stem has no attention
    assert asked("gradcam", "last") == asked("occlusion", "all") == [None]
    assert asked("gradcam", "stem") == ["stem"]
