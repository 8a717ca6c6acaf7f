"""Weights from each kind of source, on small files made in their exact form."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from tlcore.errors import AssetError, SpecError, UnknownName, WeightsUnavailable
from tlcore.models import hub, weights
from tlcore.models.catalogue import BACKBONES
from tlcore.models.network import build

SMALL = "mobilenetv3_small_100"


def _state(name: str, classes: int = 1000, seed: int = 7, **arguments: object) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    module = timm.create_model(name, num_classes=classes, **arguments)
    for child in module.modules():  # so that running statistics are told apart from fresh ones
        if isinstance(child, nn.BatchNorm2d):
            child.running_mean.normal_()
            child.running_var.uniform_(0.5, 2)
    return module.state_dict()


def _equal(network: nn.Module, state: dict[str, torch.Tensor], *, but: str) -> bool:
    own = network.state_dict()
    return all(torch.equal(own[name], tensor) for name, tensor in state.items() if not name.startswith(but))


# --- the hub


@pytest.fixture
def hub_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """A file as timm's hub has them, in place of the download."""
    state = _state(SMALL)
    save_file(state, tmp_path / "model.safetensors")
    monkeypatch.setattr(hub, "download", lambda _source, _progress: tmp_path / "model.safetensors")
    return state


def test_hub_weights_reach_the_network_and_are_kept(hub_file: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    network = build(SMALL, classes=3, start="pretrained", weights=None, seed=0, image_size=64)
    assert _equal(network.module, hub_file, but="classifier")
    assert network.module.classifier.weight.shape == (3, 1024)
    assert network.provenance["licence"] == "Apache-2.0"
    assert len(str(network.provenance["sha256"])) == 64

    random = build(SMALL, classes=3, start="random", weights=None, seed=0, image_size=64)
    assert torch.equal(random.module.classifier.weight, network.module.classifier.weight)

    def gone(*_: object) -> Path:
        raise AssetError("the network is gone")

    monkeypatch.setattr(hub, "download", gone)
    again = build(SMALL, classes=3, start="pretrained", weights="hub", seed=0, image_size=64)
    assert _equal(again.module, network.module.state_dict(), but="nothing")
    assert again.provenance == network.provenance

    source = build(SMALL, classes=None, start="pretrained", weights=None, seed=0, image_size=64)
    assert torch.equal(source.module.classifier.weight, hub_file["classifier.weight"])
    assert source.groups[-1].params == 1000 * 1025

    kept = weights._file(BACKBONES[SMALL], BACKBONES[SMALL].weights[0])
    damaged = bytearray(kept.read_bytes())
    damaged[-1] ^= 1
    kept.write_bytes(damaged)
    with pytest.raises(WeightsUnavailable, match="the network is gone"):
        build(SMALL, classes=3, start="pretrained", weights=None, seed=0, image_size=64)


def test_a_hub_file_of_another_architecture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(_state("mobilenetv3_small_075"), tmp_path / "model.safetensors")
    monkeypatch.setattr(hub, "download", lambda _source, _progress: tmp_path / "model.safetensors")
    with pytest.raises(WeightsUnavailable, match="does not fit timm"):
        build(SMALL, classes=3, start="pretrained", weights=None, seed=0, image_size=64)


def test_a_disk_that_takes_nothing_more_is_told(hub_file: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert hub_file
    monkeypatch.setattr(weights, "write_atomically", full)
    with pytest.raises(WeightsUnavailable, match="No space left on device"):
        build(SMALL, classes=3, start="pretrained", weights=None, seed=0, image_size=64)


def test_numbers_that_are_not_finite_are_refused(hub_file: dict[str, torch.Tensor], tmp_path: Path) -> None:
    hub_file["conv_stem.weight"][0] = float("nan")
    save_file(hub_file, tmp_path / "model.safetensors")
    with pytest.raises(WeightsUnavailable, match="not finite"):
        build(SMALL, classes=3, start="pretrained", weights=None, seed=0, image_size=64)


def test_a_source_is_asked_for_by_name() -> None:
    with pytest.raises(UnknownName, match="no source of weights for ResNet-18 named 'package'"):
        weights.find_weights(BACKBONES["resnet18"], "package")
    with pytest.raises(WeightsUnavailable) as caught:
        weights.find_weights(BACKBONES["resnet50"], "hub")
    assert "npm" not in caught.value.message


# --- a person's own file


def test_own_weights_are_taken_and_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    state = _state(SMALL, classes=12)
    save_file({name: tensor for name, tensor in state.items() if "num_batches" not in name}, file)
    network = build(SMALL, classes=3, start="pretrained", weights=str(file), seed=0, image_size=64)
    assert _equal(network.module, state, but="classifier")
    assert network.provenance["source"] == str(file)
    old = build(SMALL, classes=None, start="pretrained", weights=str(file), seed=0, image_size=64)
    assert torch.equal(old.module.classifier.weight, state["classifier.weight"])
    assert old.groups[-1].params == 12 * 1025


@pytest.mark.slow
def test_own_weights_of_a_resnet50_are_timm_s_and_not_keras_s(tmp_path: Path) -> None:
    file = tmp_path / "resnet50.safetensors"
    save_file(_state("resnet50", classes=2), file)
    network = build("resnet50", classes=2, start="pretrained", weights=str(file), seed=0, image_size=64)
    assert network.module.layer2[0].conv2.stride == (2, 2)
    assert network.module.bn1.eps == 1e-5
    assert network.preprocessing == BACKBONES["resnet50"].weights[-1].preprocessing != BACKBONES["resnet50"].preprocessing


def test_own_weights_without_a_classifier(tmp_path: Path) -> None:
    file = tmp_path / "features.safetensors"
    save_file({name: tensor for name, tensor in _state(SMALL).items() if "classifier" not in name}, file)
    build(SMALL, classes=3, start="pretrained", weights=str(file), seed=0, image_size=64)
    with pytest.raises(WeightsUnavailable, match="come without a classifier"):
        build(SMALL, classes=None, start="pretrained", weights=str(file), seed=0, image_size=64)


def test_own_weights_of_another_architecture_name_the_first_that_differ(tmp_path: Path) -> None:
    file = tmp_path / "resnet.safetensors"
    save_file(_state("resnet18"), file)
    with pytest.raises(SpecError, match=r"conv_stem.weight is missing.*and \d+ more") as caught:
        build(SMALL, classes=3, start="pretrained", weights=str(file), seed=0, image_size=64)
    assert caught.value.exit_code == 2
    narrow = tmp_path / "narrow.safetensors"
    save_file(_state("mobilenetv3_small_075"), narrow)
    with pytest.raises(SpecError, match=r"blocks\.\S+ is \d+ x \d+ x 1 x 1 where \d+ x \d+ x 1 x 1 is needed"):
        build(SMALL, classes=3, start="pretrained", weights=str(narrow), seed=0, image_size=64)


@pytest.mark.parametrize(
    ("name", "content", "reason", "step"),
    [
        ("weights.pth", b"\x80\x04", "pickled file", "save_file"),
        ("weights.PT", b"\x80\x04", "pickled file", "weights_only=True"),
        ("weights.safetensors", b"not one", "not a safetensors file", "Convert it"),
        ("weights.safetensors", b"", "not a safetensors file", "Convert it"),
        ("absent.safetensors", None, "no weights file", "path of a safetensors file"),
    ],
)
def test_files_that_are_not_safetensors(tmp_path: Path, name: str, content: bytes | None, reason: str, step: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SpecError, match=reason) as caught:
        build(SMALL, classes=3, start="pretrained", weights=str(tmp_path / name), seed=0, image_size=64)
    assert step in caught.value.next_step


# --- windows


def test_a_smaller_window_keeps_the_bias_of_each_pair_of_pixels() -> None:
    large = torch.arange(25.0).reshape(25, 1)  # windows of 3 x 3: offsets -2 to 2 along each side
    small = weights._cropped("x.relative_position_bias_table", large, torch.Size([9, 1]))
    assert small.flatten().tolist() == [6, 7, 8, 11, 12, 13, 16, 17, 18]  # offsets -1 to 1


@pytest.mark.slow
def test_swin_takes_its_weights_at_another_size(tmp_path: Path) -> None:
    name = "swin_tiny_patch4_window7_224"
    state = _state(name, classes=5)
    save_file(state, tmp_path / "swin.safetensors")
    network = build(name, classes=2, start="pretrained", weights=str(tmp_path / "swin.safetensors"), seed=0, image_size=128)
    own = network.module.state_dict()
    differ = [key for key in state if not key.startswith("head.fc") and not torch.equal(own[key], state[key])]
    assert len(differ) == 2
    for key in differ:
        assert key.startswith("layers.3.")
        table = state[key].reshape(13, 13, 24)[3:10, 3:10].reshape(49, 24)
        assert torch.equal(own[key], table)
