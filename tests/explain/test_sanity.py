"""Random weights, group by group from the head down: the maps change, the network that was asked about does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.analysis.watched import CPU, hooks_of, network_of
from tests.training.tiny import tiny_network, tiny_split
from tlcore.errors import SpecError
from tlcore.explain import sanity
from tlcore.explain.maps import Maps, explain
from tlcore.explain.sanity import between_pictures, cascade, randomized, redraw
from tlcore.models.freezing import state_of
from tlcore.models.network import Network

IMAGES = tiny_split(12, 0).images
GROUPS = ["head", "top", "middle", "stem"]


def everything(network: Network) -> list[object]:
    """All that a comparison could change."""
    tensors = [tensor.clone() for tensor in state_of(network).values()]
    flags = [parameter.requires_grad for parameter in network.module.parameters()]
    gradients = [parameter.grad is None for parameter in network.module.parameters()]
    modes = [module.training for module in network.module.modules()]
    return [tensors, flags, gradients, modes, hooks_of(network.module)]


def same(before: list[object], after: list[object]) -> bool:
    return before[1:] == after[1:] and all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))


def test_each_group_in_turn_from_the_head_down_and_nothing_is_changed() -> None:
    network = tiny_network()
    network.module.middle.train()
    before = everything(network)
    rows = randomized(network, CPU, IMAGES, seed=1)
    assert [row["group"] for row in rows] == GROUPS
    assert same(before, everything(network))
    for row in rows:
        assert row["images"] + row["silent"] == len(IMAGES)
        assert row["spearman"]["value"] < 0.9
    assert rows == randomized(network, CPU, IMAGES, seed=1)
    assert rows != randomized(network, CPU, IMAGES, seed=2)


def test_nothing_is_changed_by_a_failure_either(monkeypatch: pytest.MonkeyPatch) -> None:
    network, calls = tiny_network(), []

    def failing(*args: object, **options: object) -> Maps:
        calls.append(args)
        if len(calls) == 3:
            raise RuntimeError("half way")
        return explain(*args, **options)

    before = everything(network)
    monkeypatch.setattr(sanity, "explain", failing)
    with pytest.raises(RuntimeError, match="half way"):
        randomized(network, CPU, IMAGES)
    assert same(before, everything(network))


def test_what_is_explained_stays_the_same_class(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def noting(*args: object, **options: object) -> Maps:
        asked.append(options["targets"])
        return explain(*args, **options)

    monkeypatch.setattr(sanity, "explain", noting)
    network = tiny_network()
    randomized(network, CPU, IMAGES)
    predicted = explain(network, CPU, IMAGES).targets
    assert asked[0] is None
    assert all((targets == predicted).all() for targets in asked[1:])


def test_a_map_of_the_picture_alone_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Adebayo et al. warn of: edges look convincing, and hold nothing of the weights."""

    def edges(network: Network, machine: object, images: np.ndarray, **_: object) -> Maps:
        values = np.abs(np.diff(images[..., 0].astype(np.float32), axis=1, append=0))
        return Maps(values, np.zeros((len(images), 2), np.float32), np.zeros(len(images), np.int64), None, "edges", None)

    monkeypatch.setattr(sanity, "explain", edges)
    for row in randomized(tiny_network(), CPU, IMAGES):
        assert row["spearman"]["value"] == pytest.approx(1)
        assert row["ssim"]["value"] == pytest.approx(1)


def test_the_cascade_changes_one_group_more_at_each_step() -> None:
    network = tiny_network()
    original = state_of(network)
    random: set[str] = set()
    for group, changed in cascade(network, CPU, IMAGES, seed=0):
        random.add(group)
        for name, tensor in state_of(changed).items():
            if name.endswith(".weight") and tensor.ndim > 1:
                assert torch.equal(tensor, original[name]) == (changed.partition.tensors[name] not in random), name
        assert [part.training for part in changed.module.modules()] == [part.training for part in network.module.modules()]
    assert random == set(GROUPS)


def test_weights_are_drawn_as_he_et_al_draw_them() -> None:
    network = network_of("resnet18", 32)
    redraw(network, "stage 4", seed=0)
    weight = network.module.layer4[0].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)
    assert (network.module.layer4[0].bn1.weight == 1).all()
    assert (network.module.layer4[0].bn1.bias == 0).all()
    redraw(network, "head", seed=0)
    assert (network.module.fc.bias == 0).all()


def test_what_is_no_layers_weight_is_shuffled() -> None:
    network = network_of("vit_tiny_patch16_224", 32)
    names = dict(network.module.named_parameters())
    group = network.partition.tensors["pos_embed"]
    before = names["pos_embed"].detach().clone()
    redraw(network, group, seed=0)
    assert not torch.equal(names["pos_embed"], before)
    assert torch.equal(names["pos_embed"].flatten().sort().values, before.flatten().sort().values)


def test_redrawn_batchnorm_knows_what_passes_through_it() -> None:
    network = tiny_network()
    for group, changed in cascade(network, CPU, IMAGES, seed=0):
        if group == "stem":
            layer = changed.module.stem[1]
            assert isinstance(layer, nn.BatchNorm2d)
            assert layer.momentum == network.module.stem[1].momentum
            pictures = (torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
            with torch.inference_mode():
                seen = changed.module.stem[0](pictures)
            torch.testing.assert_close(layer.running_mean, seen.mean((0, 2, 3)), atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(layer.running_var, seen.var((0, 2, 3)), atol=1e-5, rtol=1e-3)


def test_statistics_are_measured_by_halves_where_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    forward = type(tiny_network().module).forward

    def small(module: nn.Module, images: torch.Tensor) -> torch.Tensor:
        if module.stem[1].training:
            sizes.append(len(images))
            if len(images) > 6:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return forward(module, images)

    monkeypatch.setattr(type(tiny_network().module), "forward", small)
    assert [group for group, _ in cascade(tiny_network(), CPU, IMAGES, seed=0)] == GROUPS
    assert sizes == [12, 6, 6]


def test_the_yardstick_of_other_pictures() -> None:
    maps = np.array([[[1.0, 2], [3, 4]], [[1, 2], [3, 4]], [[4, 3], [2, 1]]])
    assert between_pictures(maps) == pytest.approx((1 - 1 - 1) / 3)
    assert between_pictures(maps[:1]) is None
    assert between_pictures(np.zeros((3, 2, 2))) is None


def test_a_single_picture_is_refused() -> None:
    with pytest.raises(SpecError, match="2 pictures or more"):
        randomized(tiny_network(), CPU, IMAGES[:1])
