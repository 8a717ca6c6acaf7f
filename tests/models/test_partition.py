"""Layer groups in real networks: nothing left out, nothing twice, in the order in which images pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tlcore.errors import SpecError
from tlcore.groups import HEAD, check_groups
from tlcore.models.catalogue import BACKBONES
from tlcore.models.construct import skeleton
from tlcore.models.partition import partition

every_backbone = pytest.mark.parametrize("name", BACKBONES)


@every_backbone
def test_every_tensor_is_in_exactly_one_group_and_the_head_is_the_classifier(name: str) -> None:
    module = skeleton(BACKBONES[name], classes=2)
    parts = partition(module)
    parameters, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    assert set(parts.tensors) == set(parameters) | set(buffers)
    check_groups(parts.groups)
    assert 5 <= len(parts.groups) <= 8
    assert set(parts.tensors.values()) == {group.name for group in parts.groups}

    for group in parts.groups:
        held = [tensor for key, tensor in parameters.items() if parts.tensors[key] == group.name]
        assert group.params == sum(tensor.numel() for tensor in held)
    classifier = {id(tensor) for tensor in module.get_classifier().parameters()}
    assert {id(tensor) for key, tensor in parameters.items() if parts.tensors[key] == HEAD} == classifier


@every_backbone
def test_modules_follow_their_tensors(name: str) -> None:
    module = skeleton(BACKBONES[name], classes=2)
    parts = partition(module)
    modules = dict(module.named_modules())
    assert set(parts.modules) == set(modules)
    for key, child in modules.items():
        prefix = f"{key}." if key else ""
        inside = {group for tensor, group in parts.tensors.items() if tensor.startswith(prefix)}
        if len(inside) > 1:
            assert parts.modules[key] is None
        elif inside:
            assert parts.modules[key] in inside
        else:
            assert parts.modules[key] is not None, f"{key} has no weights, and no group"
            assert not list(child.parameters())
    # A BatchNorm is counted where its running statistics are.
    counted = {group.name: 0 for group in parts.groups}
    for key in parts.tensors:
        if key.endswith("running_mean"):
            counted[parts.tensors[key]] += 1
    assert counted == {group.name: group.batchnorms for group in parts.groups}


@every_backbone
def test_groups_are_in_the_order_of_the_forward_pass(name: str) -> None:
    card = BACKBONES[name]
    module = skeleton(card, classes=2).eval()
    parts = partition(module)
    position = {group.name: index for index, group in enumerate(parts.groups)}
    seen: list[int] = []
    for key, child in module.named_modules():
        if any(True for _ in child.parameters(recurse=False)) and parts.modules[key] is not None:
            child.register_forward_pre_hook(lambda _child, _input, at=position[parts.modules[key]]: seen.append(at))
    with torch.inference_mode():
        module(torch.zeros(1, 3, card.image_size, card.image_size, device="meta"))
    assert seen == sorted(seen)
    assert set(seen) == set(position.values())


def test_resnet18_by_hand() -> None:
    parts = partition(skeleton(BACKBONES["resnet18"], classes=3))
    by_name = {group.name: group for group in parts.groups}
    assert list(by_name) == ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "head"]
    assert by_name["stem"].params == 3 * 64 * 7 * 7 + 2 * 64
    assert by_name["stage 1"].params == 4 * (64 * 64 * 3 * 3 + 2 * 64)
    # two convolutions, a projection and their norms, then two convolutions and their norms
    assert by_name["stage 2"].params == 64 * 128 * 9 + 3 * 128 * 128 * 9 + 64 * 128 + 5 * 2 * 128
    assert by_name["head"].params == (512 + 1) * 3
    assert [group.batchnorms for group in parts.groups] == [1, 4, 5, 5, 5, 0]
    assert parts.tensors["layer3.0.bn1.running_var"] == "stage 3"
    assert parts.modules[""] is None
    assert parts.modules["global_pool"] == "stage 4"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("vit_tiny_patch16_224", ["stem", "blocks 1-3", "blocks 4-6", "blocks 7-9", "blocks 10-12", "head"]),
        (
            "tf_efficientnet_lite0",
            ["stem and stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "stage 6", "stage 7", "head"],
        ),
        ("vgg11_bn", ["stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "fully connected", "head"]),
        ("mobilenetv3_small_100", ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "stage 6", "head"]),
    ],
)
def test_names(name: str, names: list[str]) -> None:
    assert [group.name for group in partition(skeleton(BACKBONES[name], classes=2)).groups] == names


@pytest.mark.parametrize(
    ("name", "tensor", "group"),
    [
        ("vit_tiny_patch16_224", "cls_token", "stem"),
        ("vit_tiny_patch16_224", "pos_embed", "stem"),
        ("vit_tiny_patch16_224", "norm.weight", "blocks 10-12"),
        ("vit_small_patch14_reg4_dinov2", "reg_token", "stem"),
        ("convnext_tiny", "head.norm.weight", "stage 4"),
        ("swin_tiny_patch4_window7_224", "norm.bias", "stage 4"),
        ("densenet121", "features.norm5.running_mean", "stage 4"),
        ("mobilenetv3_small_100", "conv_head.weight", "stage 6"),
        ("tf_efficientnet_lite0", "bn2.running_var", "stage 7"),
        ("vgg11_bn", "pre_logits.fc1.weight", "fully connected"),
    ],
)
def test_what_stands_beside_the_classifier_belongs_to_the_backbone(name: str, tensor: str, group: str) -> None:
    assert partition(skeleton(BACKBONES[name], classes=2)).tensors[tensor] == group


class _Silent(nn.Module):
    """A network that does not say how its layers belong together."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Linear(4, 4), nn.Linear(4, 2)

    def get_classifier(self) -> nn.Module:
        return self.fc


def test_a_model_without_groups_or_without_a_classifier_is_refused() -> None:
    with pytest.raises(SpecError, match="does not say which of its layers belong together"):
        partition(_Silent())
    with pytest.raises(SpecError, match="does not end in one linear layer"):
        partition(nn.Sequential(nn.Linear(4, 2)))
    with pytest.raises(SpecError, match="does not end in one linear layer"):
        partition(skeleton(BACKBONES["resnet18"], classes=0))


class _Shared(nn.Module):
    """Its second and third layer use one convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.third, self.fc = nn.Sequential(self.second, nn.ReLU()), nn.Linear(4, 2)

    def get_classifier(self) -> nn.Module:
        return self.fc

    def group_matcher(self, coarse: bool = False) -> dict[str, object]:
        return {"stem": r"^stem", "blocks": [(r"^first", (0,)), (r"^second", (1,)), (r"^third", (2,))]}


def test_a_model_whose_layers_share_tensors_is_refused_in_words() -> None:
    with pytest.raises(SpecError, match=r"_Shared uses third\.0\.weight in several places"):
        partition(_Shared())
