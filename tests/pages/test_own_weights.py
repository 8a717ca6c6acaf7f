"""Own weights are refused when they are chosen: counted from the file's header, for every catalogued backbone."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest

from pages.parts.own_weights import _is_head, check_weights
from tlcore.errors import SpecError
from tlcore.models.catalogue import BACKBONES
from tlcore.models.construct import skeleton


def saved(path: Path, shapes: dict[str, list[int]]) -> Path:
    """A safetensors file's header; the check never reads further."""
    at, header = 0, {}
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header | {"__metadata__": {"format": "pt"}}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    return path


def state(name: str, classes: int) -> dict[str, list[int]]:
    return {key: list(value.shape) for key, value in skeleton(BACKBONES[name], classes=classes).state_dict().items()}


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbones_own_weights_pass(name, tmp_path):
    check_weights(saved(tmp_path / "own.safetensors", state(name, 7)), BACKBONES[name])


@pytest.mark.parametrize("given", ["resnet18", "mobilenetv2_100", "densenet121"])
def test_those_of_another_are_refused_with_both_numbers(given, tmp_path):
    file = saved(tmp_path / "own.safetensors", state(given, 1000))
    with pytest.raises(SpecError, match=r"does not hold the weights of EfficientNet-Lite0: it has .* 3,371,008 without"):
        check_weights(file, BACKBONES["tf_efficientnet_lite0"])


def test_one_missing_tensor_is_noticed(tmp_path):
    shapes = state("resnet18", 10)
    del shapes["layer1.0.conv1.weight"]
    with pytest.raises(SpecError, match="does not hold"):
        check_weights(saved(tmp_path / "own.safetensors", shapes), BACKBONES["resnet18"])


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64, struct.pack("<Q", 4) + b"[12]"])
def test_a_file_that_is_none_or_gone_is_a_sentence(content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    for file in (tmp_path / "x", tmp_path / "gone"):
        with pytest.raises(SpecError, match="can't be read"):
            check_weights(file, BACKBONES["resnet18"])


def test_what_a_head_can_have():
    assert _is_head(0, 1280)
    assert _is_head(1281 * 5, 1280)  # with a bias
    assert _is_head(1280 * 5, 1280)  # without
    assert not _is_head(1283, 1280)
    assert not _is_head(-1281, 1280)
    assert not _is_head(1281 * 40_000, 1280)
