"""A network to take along: plain timm and onnxruntime answer as it does, and what they have not is refused in words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from torch import nn

from tlcore.data.transforms import normalise
from tlcore.errors import SpecError, ThawError
from tlcore.explain import export as room
from tlcore.explain.export import Exported, export_onnx, export_safetensors
from tlcore.models.adapters import insert
from tlcore.models.network import Network, build
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Bottleneck, LoRA
from tlcore.training.machine import choose

CLASSES, SIDE, RUN = ("one", "two", "three"), 32, "20250101T000000-run-7f3a"
SPEC = RunSpec(backbone="mobilenetv3_small_100", dataset="digits", image_size=SIDE)


def network_of(spec: RunSpec = SPEC) -> Network:
    network = build(spec.backbone, classes=3, start="random", seed=1, image_size=SIDE, head=spec.head)
    insert(network, spec.strategy.scope, seed=1, image_size=SIDE)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, tensor in network.module.named_parameters():  # so that adapters, heads and answers differ from nothing
            if "low_rank" in name or network.partition.tensors[name] == "head":
                tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.3)
    choose("cpu", "float32").place(network.module)
    network.module.eval()
    return network


def pictures(network: Network, count: int = 4) -> torch.Tensor:
    images = np.random.default_rng(5).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    return normalise(torch.from_numpy(images), network.preprocessing.mean, network.preprocessing.std)


def loaded(found: Exported, folder: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """What the three lines make of the file."""
    (folder / found.file).write_bytes(found.content)
    monkeypatch.chdir(folder)
    there: dict[str, Any] = {}
    exec(found.told["load"], there)  # our own lines
    return there["model"]


@pytest.mark.parametrize("scope", [None, LoRA(rank=2)], ids=["plain", "lora"])
def test_three_lines_of_timm_load_it_and_it_answers_as_the_network(
    scope: LoRA | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = SPEC if scope is None else SPEC.model_copy(update={"strategy": Strategy(scope=scope)})
    network = network_of(spec)
    found = export_safetensors(network, spec, CLASSES, run_id=RUN)
    assert len(found.told["load"].splitlines()) == 3
    model = loaded(found, tmp_path, monkeypatch)
    assert not model.training
    with torch.inference_mode():
        own = network.module(pictures(network))
        assert own.std() > 0.01
        assert torch.allclose(model(pictures(network)), own, atol=1e-5)
    assert found.told["sha256"] == hashlib.sha256(found.content).hexdigest()
    assert found.told["scale"].startswith("Pixels from 0 to 1, minus 0.485, 0.456, 0.406")
    with safe_open(tmp_path / found.file, "pt") as opened:
        header = opened.metadata()
    assert json.loads(header["classes"]) == list(CLASSES) == found.told["classes"]
    assert (header["run"], header["image_size"], header["backbone"]) == (RUN, "32", SPEC.backbone)


@pytest.fixture(scope="module")
def onnx() -> tuple[Network, Exported]:
    network = network_of()
    return network, export_onnx(network, SPEC, CLASSES, run_id=RUN)


@pytest.mark.slow
def test_onnx_answers_as_the_network_for_batches_of_any_size(onnx: tuple[Network, Exported], tmp_path: Path):
    network, found = onnx
    (tmp_path / found.file).write_bytes(found.content)
    session = onnxruntime.InferenceSession(tmp_path / found.file, providers=["CPUExecutionProvider"])
    assert [(each.name, each.shape) for each in session.get_inputs()] == [("pixels", ["batch", 3, SIDE, SIDE])]
    for count in (1, 2, 5):
        asked = pictures(network, count)
        with torch.inference_mode():
            own = network.module(asked).numpy()
        assert session.run(["logits"], {"pixels": asked.numpy()})[0] == pytest.approx(own, abs=1e-4)
    checked = found.told["checked"]
    assert checked["images"] == checked["same_answers"] == 8
    assert 0 <= checked["largest_difference"] < 1e-4 < checked["spread"]
    header = session.get_modelmeta().custom_metadata_map
    assert json.loads(header["classes"]) == list(CLASSES)
    assert json.loads(header["preprocessing"])["mean"] == [0.485, 0.456, 0.406]


@pytest.mark.slow
def test_a_file_that_answers_otherwise_is_not_given_out(onnx: tuple[Network, Exported], monkeypatch: pytest.MonkeyPatch):
    network, found = onnx
    other = network_of()
    with torch.no_grad():
        other.head.bias += torch.tensor([0.0, 0.01, 0])
    monkeypatch.setattr(room, "_written", lambda *_: (found.content, found.told["opset"]))
    with pytest.raises(ThawError, match=r"answers otherwise than the network: its logits are up to 0\.01 away"):
        export_onnx(other, SPEC, CLASSES, run_id=RUN)
    assert export_onnx(network, SPEC, CLASSES, run_id=RUN).content == found.content


@pytest.mark.slow
def test_the_exporters_own_errors_are_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise NotImplementedError("aten::strange has no translation.\nA page of details")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(ThawError, match="cannot write this network as ONNX: aten::strange has no translation") as caught:
        export_onnx(network_of(), SPEC, CLASSES, run_id=RUN)
    assert caught.value.next_step == "Take the safetensors."


def test_without_the_packages_it_says_which(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "missing", lambda names: ("onnxscript",))
    with pytest.raises(ThawError, match="onnxscript cannot be found here") as caught:
        export_onnx(network_of(), SPEC, CLASSES, run_id=RUN)
    assert "pip install onnxscript" in caught.value.next_step


def test_what_plain_timm_has_not_is_refused_as_safetensors():
    adapted = SPEC.model_copy(update={"strategy": Strategy(scope=Bottleneck(width=4))})
    with pytest.raises(SpecError, match="bottleneck adapters"):
        export_safetensors(network_of(adapted), adapted, CLASSES, run_id=RUN)
    other = SPEC.model_copy(update={"head": "mlp"})
    with pytest.raises(SpecError, match="of the kind mlp"):
        export_safetensors(network_of(other), other, CLASSES, run_id=RUN)


@pytest.mark.slow
def test_a_head_of_our_own_goes_to_onnx_all_the_same():
    spec = SPEC.model_copy(update={"head": "mlp"})
    found = export_onnx(network_of(spec), spec, CLASSES, run_id=RUN)
    assert found.told["checked"]["largest_difference"] < 1e-4
