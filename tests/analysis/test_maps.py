"""Maps of layer groups: the right axes in every architecture, read when they stand there, and nothing left behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.analysis.watched import CPU, hooks_of, network_of
from tests.training.tiny import SIDE, tiny_network, tiny_split
from tlcore.analysis.maps import as_map, evaluating, pictures, watching
from tlcore.models.network import Network


@dataclass
class Noted:
    """A watcher that copies what it sees."""

    maps: dict[str, list[Tensor]] = field(default_factory=dict)
    images: list[int] = field(default_factory=list)

    def see(self, group: str, maps: Tensor) -> None:
        self.maps.setdefault(group, []).append(maps.clone())

    def passed(self, images: int) -> None:
        self.images.append(images)


def noise(count: int, side: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


def test_axes_are_found_by_hand() -> None:
    plain, last = nn.Identity(), nn.Identity()
    last.output_fmt = "NHWC"
    values = torch.arange(2 * 3 * 4 * 4.0).view(2, 3, 4, 4)
    assert torch.equal(as_map(values, plain), values.permute(0, 2, 3, 1))
    assert torch.equal(as_map(values.permute(0, 2, 3, 1), plain), values.permute(0, 2, 3, 1))
    cube = torch.rand(2, 4, 4, 4)
    assert torch.equal(as_map(cube, plain), cube.permute(0, 2, 3, 1))
    assert torch.equal(as_map(cube, last), cube)
    assert as_map(torch.rand(2, 8), plain) is None
    assert as_map((values,), plain) is None
    assert as_map(torch.rand(2, 3, 4, 5), plain) is None


def test_tokens_become_a_square_without_the_class_token() -> None:
    module = nn.Identity()
    module.num_prefix_tokens = 1
    tokens = torch.rand(2, 10, 5)
    square = as_map(tokens, module)
    assert square.shape == (2, 3, 3, 5)
    assert torch.equal(square[:, 1, 2], tokens[:, 1 + 5])  # row 1, column 2 is the sixth patch
    assert torch.equal(as_map(tokens[:, 1:], module), square)  # before the class token joins them
    assert as_map(torch.rand(2, 8, 5), module) is None


SHAPES = {
    ("resnet18", 64): {"stem": (16, 64), "stage 1": (16, 64), "stage 2": (8, 128), "stage 3": (4, 256), "stage 4": (2, 512)},
    ("swin_tiny_patch4_window7_224", 64): {"stem": (16, 96), "stage 4": (2, 768)},
    ("vit_tiny_patch16_224", 64): {"stem": (4, 192), "blocks 10-12": (4, 192)},
    ("tf_efficientnet_lite0", 64): {"stem and stage 1": (32, 16), "stage 7": (2, 1280)},
}


@pytest.mark.parametrize(("name", "side"), SHAPES)
def test_every_group_has_its_map(name: str, side: int) -> None:
    network, noted = network_of(name, side), Noted()
    groups = [group.name for group in network.groups[:-1]]
    before = hooks_of(network.module)
    with watching(network, CPU, groups, noted, image_size=side), evaluating(network.module):
        network.module(pictures(network, CPU, noise(3, side)))
    assert noted.images == [3]
    assert list(noted.maps) == groups  # each once, from the image up
    assert all(len(maps) == 1 and maps[0].shape[0] == 3 for maps in noted.maps.values())
    assert all(maps[0].shape[1] == maps[0].shape[2] > 1 for maps in noted.maps.values())
    for group, (places, channels) in SHAPES[name, side].items():
        assert noted.maps[group][0].shape[1:] == (places, places, channels)
    assert hooks_of(network.module) == before


def test_the_map_of_a_group_is_what_its_last_layer_gives_out() -> None:
    network, noted = network_of("resnet18", 64), Noted()
    images = noise(2, 64)
    with watching(network, CPU, ["stage 2", "stage 4"], noted, image_size=64), evaluating(network.module):
        network.module(pictures(network, CPU, images))
        module = network.module
        low = module.layer2(
            module.layer1(module.maxpool(module.act1(module.bn1(module.conv1(pictures(network, CPU, images))))))
        )
        top = module.layer4(module.layer3(low))
    assert torch.equal(noted.maps["stage 2"][0], low.permute(0, 2, 3, 1))
    assert torch.equal(noted.maps["stage 4"][0], top.permute(0, 2, 3, 1))  # and not the pooled vector after it


def test_where_the_map_is_a_single_place_it_still_stands() -> None:
    network, noted = network_of("resnet18", 32), Noted()
    with watching(network, CPU, ["stage 4"], noted, image_size=32), evaluating(network.module):
        network.module(pictures(network, CPU, noise(1, 32)))
    assert noted.maps["stage 4"][0].shape == (1, 1, 1, 512)


def test_modes_and_hooks_come_back_even_after_a_failure() -> None:
    network, noted = tiny_network(), Noted()
    network.module.train()
    network.module.middle.eval()
    modes = [part.training for part in network.module.modules()]
    before = hooks_of(network.module)
    with watching(network, CPU, ["stem", "top"], noted, image_size=SIDE), evaluating(network.module):
        assert not any(part.training for part in network.module.modules())
    with pytest.raises(RuntimeError, match="expected input"):
        _failing_pass(network, noted)
    assert noted.images == []
    assert hooks_of(network.module) == before
    assert [part.training for part in network.module.modules()] == modes


def _failing_pass(network: Network, noted: Noted) -> None:
    with watching(network, CPU, ["stem", "top"], noted, image_size=SIDE), evaluating(network.module):
        network.module(torch.zeros(1, 5, SIDE, SIDE))


def test_images_reach_the_network_normalised() -> None:
    network, split = tiny_network(), tiny_split(2, 0)
    seen = pictures(network, CPU, torch.from_numpy(split.images))
    assert seen.shape == (2, 3, SIDE, SIDE)
    expected = (split.images[1, 3, 5, 2] / 255 - 0.5) / 0.25
    assert seen[1, 2, 3, 5].item() == pytest.approx(expected, abs=1e-5)
