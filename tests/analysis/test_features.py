"""One pass, every group: its rows are what a plain forward has there, on every backbone, and nothing of it stays behind."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tlcore.analysis.features import BATCH, LOGITS, Site, features, sites
from tlcore.data.transforms import normalise
from tlcore.errors import Cancelled, OutOfMemory, SpecError
from tlcore.models.catalogue import BACKBONES
from tlcore.models.cut import find_cuts
from tlcore.models.network import Network, build
from tlcore.training.machine import choose

MACHINE = choose("cpu", "float32")


def _network(name: str) -> Network:
    """On its machine, as a job has it; its BatchNorms not fresh ones, some of which make a block of a ResNet do nothing."""
    network = build(name, classes=2, start="random", seed=0, image_size=BACKBONES[name].min_image_size)
    draws = torch.Generator().manual_seed(1)
    for module in network.module.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.uniform_(-0.2, 0.2, generator=draws)
            module.running_var.uniform_(0.5, 1.5, generator=draws)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=draws)
    MACHINE.place(network.module)
    return network


def _images(name: str, count: int = 3) -> np.ndarray:
    size = BACKBONES[name].min_image_size
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def _pictures(network: Network, images: np.ndarray) -> Tensor:
    look = network.preprocessing
    return normalise(torch.from_numpy(images), look.mean, look.std)


def _hooks(module: nn.Module) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules())


def _averaged(value: Tensor, network: Network) -> Tensor:
    """What stands at a cut, averaged over its places by hand."""
    if value.ndim == 4:
        last = getattr(network.module, "output_fmt", "NCHW") == "NHWC"
        return value.flatten(1, 2).mean(1) if last else value.flatten(2).mean(2)
    return value[:, getattr(network.module, "num_prefix_tokens", 0) :].mean(1) if value.ndim == 3 else value


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_the_rows_of_every_group_are_what_a_cut_there_gives(name: str) -> None:
    """Held against the graph of `find_cuts`, which knows nothing of modules, groups' tops or hooks."""
    network, images = _network(name), _images(name)
    cuts = find_cuts(network)
    found = features(network, MACHINE, images, sites=sites(network))
    names = [group.name for group in network.groups]
    assert list(found) == names[:-1]
    with torch.inference_mode():
        values = cuts.prefix(names[1:]).eval()(_pictures(network, images))
    for below, value in zip(names[:-1], values, strict=True):
        assert found[below].dtype == np.float32
        expected = _averaged(value, network).numpy()
        np.testing.assert_allclose(found[below], expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max(), err_msg=below)
        assert np.ptp(found[below], axis=0).max() > 0, "pictures differ"
    assert _hooks(network.module) == 0


def test_by_hand_on_resnet18_in_one_pass() -> None:
    network, images = _network("resnet18"), _images("resnet18", 5)
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    seen = network.module.fc.register_forward_hook(count)
    found = features(network, MACHINE, images, sites=sites(network))
    seen.remove()
    assert calls == 2, "a black picture, and all images at once"
    assert list(found) == ["stem", "stage 1", "stage 2", "stage 3", "stage 4"]
    module = network.module
    with torch.inference_mode():
        value = module.maxpool(module.act1(module.bn1(module.conv1(_pictures(network, images)))))
        by_hand = [value]
        for layer in (module.layer1, module.layer2, module.layer3, module.layer4):
            value = layer(value)
            by_hand.append(value)
    for row, value in zip(found.values(), by_hand, strict=True):
        np.testing.assert_allclose(row, value.mean((2, 3)).numpy(), rtol=1e-4, atol=1e-6)


def test_by_hand_on_a_vit_whose_top_is_what_its_head_sees() -> None:
    network, images = _network("vit_tiny_patch16_224"), _images("vit_tiny_patch16_224")
    found = features(network, MACHINE, images, sites=sites(network, blocks=True, image_size=images.shape[1]))
    module, groups = network.module, [group.name for group in network.groups[:-1]]
    blocks = [
        f"blocks.{i}" for i in range(12) if i not in (2, 5, 8)
    ]  # with which a quarter ends; the last one ends with a norm
    assert list(found) == [
        groups[0], *blocks[:2], groups[1], *blocks[2:4], groups[2], *blocks[4:6], groups[3], *blocks[6:], groups[4],
    ]  # fmt: skip
    with torch.inference_mode():
        tokens = module.norm_pre(module.patch_drop(module._pos_embed(module.patch_embed(_pictures(network, images)))))
        np.testing.assert_allclose(found[groups[0]], tokens[:, 1:].mean(1).numpy(), rtol=1e-4, atol=1e-6)
        for i, block in enumerate(module.blocks):
            tokens = block(tokens)
            name = f"blocks.{i}" if f"blocks.{i}" in found else groups[i // 3 + 1]
            np.testing.assert_allclose(found[name], tokens[:, 1:].mean(1).numpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[groups[4]], module.norm(tokens)[:, 0].numpy(), rtol=1e-4, atol=1e-5)


def test_maps_whose_channels_come_last_are_averaged_over_their_places() -> None:
    network, images = _network("swin_tiny_patch4_window7_224"), _images("swin_tiny_patch4_window7_224")
    found = features(network, MACHINE, images, sites=sites(network))
    module = network.module
    assert [row.shape[1] for row in found.values()] == [96, 96, 192, 384, 768]
    with torch.inference_mode():
        value = module.patch_embed(_pictures(network, images))
        for row, layer in zip(list(found.values())[1:4], module.layers, strict=False):
            value = layer(value)
            np.testing.assert_allclose(row, value.flatten(1, 2).mean(1).numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0", "densenet121", "swin_tiny_patch4_window7_224"])
def test_blocks_stand_within_their_groups_and_none_twice(name: str) -> None:
    network, images = _network(name), _images(name, 2)
    places = sites(network, blocks=True, image_size=images.shape[1])
    groups = [group.name for group in network.groups[:-1]]
    assert [site.name for site in places if site.name == site.group] == groups
    assert [groups.index(site.group) for site in places] == sorted(groups.index(site.group) for site in places)
    found = features(network, MACHINE, images, sites=places)
    assert len(found) > len(groups)
    for below, above in itertools.pairwise(places):
        one, other = found[below.name], found[above.name]
        assert one.shape != other.shape or not np.allclose(one, other, rtol=1e-4), f"{below} is {above}"


def test_every_image_has_its_own_row_whatever_the_batches() -> None:
    network, images = _network("resnet18"), _images("resnet18", BATCH + 5)
    told: list[tuple[int, int]] = []
    found = features(
        network, MACHINE, images, sites=sites(network), progress=lambda _, done, total, __: told.append((done, total))
    )
    assert told == [(BATCH, BATCH + 5), (BATCH + 5, BATCH + 5)]
    turned = features(network, MACHINE, images[::-1], sites=sites(network))
    for name, rows in found.items():
        assert rows.shape[0] == BATCH + 5
        np.testing.assert_allclose(rows, turned[name][::-1], rtol=1e-4, atol=1e-5)


def test_modes_and_hooks_are_as_they_were_after_success_failure_and_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = _network("resnet18"), _images("resnet18")
    network.module.train()
    network.module.layer2.eval()
    modes = [part.training for part in network.module.modules()]
    statistics = network.module.bn1.running_mean.clone()

    def left_as_it_was() -> None:
        assert [part.training for part in network.module.modules()] == modes
        assert _hooks(network.module) == 0
        assert torch.equal(network.module.bn1.running_mean, statistics)
        assert not torch.is_inference_mode_enabled()

    features(network, MACHINE, images, sites=sites(network))
    left_as_it_was()

    def cancel(*_: object) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        features(network, MACHINE, images, sites=sites(network), progress=cancel)
    left_as_it_was()
    monkeypatch.setattr(network.module.layer3, "forward", _broken)
    with pytest.raises(RuntimeError, match="broken"):
        features(network, MACHINE, images, sites=sites(network))
    left_as_it_was()


def _broken(_: Tensor) -> Tensor:
    raise RuntimeError("broken")


def test_the_old_classifier_answers_in_the_same_pass() -> None:
    network, images = _network("tf_efficientnet_lite0"), _images("tf_efficientnet_lite0")
    assert LOGITS not in features(network, MACHINE, images, sites=sites(network))
    inputs = network.head.in_features
    network.source_head = nn.Linear(inputs, 7).requires_grad_(False)
    found = features(network, MACHINE, images, sites=sites(network))
    top = found[network.groups[-2].name]
    np.testing.assert_allclose(found[LOGITS], network.source_head(torch.from_numpy(top)).numpy(), rtol=1e-4, atol=1e-5)


def test_little_memory_means_smaller_batches_and_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = _network("resnet18"), _images("resnet18", 7)
    whole = features(network, MACHINE, images, sites=sites(network))
    forward, most = network.module.forward, 3

    def small(pictures: Tensor) -> Tensor:
        if len(pictures) > most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return forward(pictures)

    monkeypatch.setattr(network.module, "forward", small)
    for name, rows in features(network, MACHINE, images, sites=sites(network)).items():
        np.testing.assert_allclose(rows, whole[name], rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(network.module, "forward", _no_memory_past_the_first(forward))
    with pytest.raises(OutOfMemory):
        features(network, MACHINE, images, sites=sites(network))
    assert _hooks(network.module) == 0


def _no_memory_past_the_first(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    calls = 0

    def answer(pictures: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return forward(pictures)

    return answer


def test_others_can_watch_the_pass_and_not_the_picture_before_it() -> None:
    network, images = _network("resnet18"), _images("resnet18", 4)
    seen: list[int] = []

    @contextlib.contextmanager
    def watching() -> Iterator[None]:
        hook = network.module.register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
        try:
            yield
        finally:
            hook.remove()

    features(network, MACHINE, images, sites=sites(network), also=watching())
    assert seen == [4]


def test_a_group_that_shows_nothing_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = _network("resnet18"), _images("resnet18")
    placed = dict(network.partition.modules)
    hidden = {name: None if group == "stage 2" else group for name, group in placed.items()}
    monkeypatch.setattr(network, "partition", type(network.partition)(network.groups, network.partition.tensors, hidden))
    with pytest.raises(SpecError, match="does not show what stage 2 makes"):
        features(network, MACHINE, images, sites=[Site("stage 2", "stage 2")])
