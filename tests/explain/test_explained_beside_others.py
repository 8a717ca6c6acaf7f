"""The same maps as others' code: the grad-cam package, captum's own classes, and timm with its attention unfused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import GuidedGradCam, IntegratedGradients
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from timm.layers import Attention
from torch import Tensor, nn

from tests.analysis.watched import CPU, network_of
from tlcore.analysis.maps import pictures
from tlcore.explain.grid import enlarged
from tlcore.explain.maps import Maps, explain
from tlcore.explain.places import places
from tlcore.models.network import Network

SIDE = 64
IMAGES = np.random.default_rng(3).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
TARGETS = np.array([0, 1, 1])
NETWORKS = [
    "resnet18",
    "tf_efficientnet_lite0",
    pytest.param("densenet121", marks=pytest.mark.slow),
    pytest.param("vgg11_bn", marks=pytest.mark.slow),
]


def inputs(network: Network) -> Tensor:
    return pictures(network, CPU, torch.from_numpy(IMAGES))


def scaled(maps: np.ndarray) -> np.ndarray:
    """From 0 to 1 image by image, as the package does it."""
    least = maps.min((1, 2), keepdims=True)
    return (maps - least) / (1e-7 + (maps - least).max((1, 2), keepdims=True))


def as_the_package(maps: Maps) -> np.ndarray:
    """Scaled, brought to the image's size, and scaled once more."""
    return scaled(enlarged(scaled(maps.values), SIDE))


def theirs(kind: type, network: Network, layers: Sequence[nn.Module]) -> np.ndarray:
    with kind(model=network.module, target_layers=list(layers)) as cam:
        return cam(input_tensor=inputs(network).requires_grad_(), targets=[ClassifierOutputTarget(int(one)) for one in TARGETS])


@pytest.mark.parametrize("name", NETWORKS)
def test_grad_cam_is_the_packages(name: str) -> None:
    network = network_of(name, SIDE)
    found = places(network, CPU, image_size=SIDE)
    for place in list(found.values())[-2:]:
        ours = explain(network, CPU, IMAGES, place=place, targets=TARGETS)
        expected = theirs(GradCAM, network, [network.module.get_submodule(place.module)])
        assert ours.values.any()
        np.testing.assert_allclose(as_the_package(ours), expected, atol=1e-4)


def test_grad_cam_plus_plus_is_the_packages() -> None:
    """Where gradients are large: the package adds 1e-6 to a denominator of their squares, which else hides it."""
    network = network_of("resnet18", SIDE)
    with torch.no_grad():
        network.module.fc.weight.mul_(1e4)
    place = places(network, CPU, image_size=SIDE)["stage 4"]
    ours = explain(network, CPU, IMAGES, method="gradcam++", place=place, targets=TARGETS)
    expected = theirs(GradCAMPlusPlus, network, [network.module.layer4])
    np.testing.assert_allclose(as_the_package(ours), expected, atol=1e-4)


def test_guided_grad_cam_is_captums_where_all_is_relu() -> None:
    network = network_of("resnet18", SIDE)
    ours = explain(network, CPU, IMAGES, method="guided-gradcam", targets=TARGETS).values
    captums = GuidedGradCam(network.module, network.module.layer4)
    with pytest.warns(UserWarning, match="Setting backward hooks"):
        expected = captums.attribute(inputs(network).requires_grad_(), torch.from_numpy(TARGETS), interpolate_mode="bilinear")
    np.testing.assert_allclose(ours, expected.detach().sum(1).numpy(), rtol=1e-3, atol=1e-5 * np.abs(ours).max())


def test_relu6_is_guided_as_relu_is() -> None:
    """With its activations' upper ends out of reach, a network of ReLU6 is one of ReLU, which captum guides."""
    network = network_of("tf_efficientnet_lite0", SIDE)
    look = network.preprocessing  # fainter pictures: without biases everything in it is as much fainter
    network.preprocessing = replace(look, std=tuple(10 * value for value in look.std))
    ours = explain(network, CPU, IMAGES, method="guided-gradcam", targets=TARGETS).values
    place = places(network, CPU, image_size=SIDE)["stage 7"]
    module = network.module
    highest: list[float] = []
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU6):
                relu = nn.ReLU()
                relu.register_forward_hook(lambda _module, _inputs, output: highest.append(float(output.detach().max())))
                setattr(parent, name, relu)
    captums = GuidedGradCam(module, module.get_submodule(place.module))
    with pytest.warns(UserWarning, match="Setting backward hooks"):
        expected = captums.attribute(inputs(network).requires_grad_(), torch.from_numpy(TARGETS), interpolate_mode="bilinear")
    assert max(highest) < 6
    np.testing.assert_allclose(ours, expected.detach().sum(1).numpy(), rtol=1e-3, atol=1e-5 * np.abs(ours).max())


def test_integrated_gradients_add_up_to_the_answer() -> None:
    """To the score less that of a black picture (Sundararajan et al. 2017, proposition 1), and are captum's at more steps."""
    network = network_of("resnet18", SIDE)
    ours = explain(network, CPU, IMAGES[:2], method="integrated-gradients", targets=TARGETS[:2])
    black = explain(network, CPU, np.zeros_like(IMAGES[:1])).logits[0]
    gain = ours.logits[[0, 1], TARGETS[:2]] - black[TARGETS[:2]]
    np.testing.assert_allclose(ours.values.sum((1, 2)), gain, atol=0.05 * np.abs(gain).max())
    start = pictures(network, CPU, torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8))
    shares = IntegratedGradients(network.module).attribute(
        inputs(network)[:2], start, torch.from_numpy(TARGETS[:2]), n_steps=32, internal_batch_size=8
    )
    np.testing.assert_allclose(ours.values, shares.detach().sum(1).numpy(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("pooling", ["token", "avg"])
def test_rollout_is_that_of_timms_attention_unfused(pooling: str) -> None:
    network = network_of("vit_tiny_patch16_224", SIDE)
    network.module.global_pool = pooling
    ours = {
        group: explain(network, CPU, IMAGES, method="attention-rollout", place=group).values
        for group in ("blocks 4-6", "blocks 10-12")
    }
    seen: list[Tensor] = []
    for part in network.module.modules():
        if isinstance(part, Attention):
            assert part.fused_attn  # explaining has not changed it
            part.fused_attn = False
            part.attn_drop.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.inference_mode():
        network.module.eval()(inputs(network))
    assert len(seen) == 12
    for group, blocks in (("blocks 4-6", 6), ("blocks 10-12", 12)):
        mixed = torch.eye(17).expand(3, 17, 17)
        for weights in seen[:blocks]:
            mixed = (weights.mean(1) + torch.eye(17)) / 2 @ mixed
        rows = mixed[:, 0, 1:] if pooling == "token" else mixed[:, 1:, 1:].mean(1)
        np.testing.assert_allclose(ours[group], rows.view(3, 4, 4).numpy(), atol=1e-6)
    np.testing.assert_allclose(mixed.sum(-1).numpy(), 1, atol=1e-5)
