"""The old task's classifier is kept beside the network, and answers as it did before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tlcore.models.network import Network, build

CONVOLUTIONAL, LINEAR = "mobilenetv3_small_100", "resnet18"


def _old_and_new(name: str, tmp_path: Path) -> tuple[Network, Network]:
    """A network of 5 classes, and one of 3 that starts from its weights."""
    old = build(name, classes=5, start="random", seed=1, image_size=64)
    file = tmp_path / "weights.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in old.module.state_dict().items()}, file)
    return old, build(name, classes=3, start="pretrained", weights=str(file), seed=2, image_size=64)


@pytest.mark.parametrize("name", [LINEAR, CONVOLUTIONAL])
def test_it_answers_from_what_the_new_head_sees(name: str, tmp_path: Path) -> None:
    old, new = _old_and_new(name, tmp_path)
    seen = []
    handle = new.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pictures = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert new.module(pictures).shape == (2, 3)
        assert torch.equal(new.source_head(seen[0]), old.module(pictures))
    handle.remove()
    assert not any(parameter.requires_grad for parameter in new.source_head.parameters())
    assert new.head is new.module.get_classifier()
    assert not any(child is new.source_head for child in new.module.modules())


def test_a_random_start_and_weights_without_a_classifier_have_none(tmp_path: Path) -> None:
    old = build(LINEAR, classes=5, start="random", seed=1, image_size=64)
    assert old.source_head is None
    file = tmp_path / "weights.safetensors"
    save_file({k: t.contiguous() for k, t in old.module.state_dict().items() if not k.startswith("fc.")}, file)
    assert build(LINEAR, classes=3, start="pretrained", weights=str(file), seed=2, image_size=64).source_head is None
