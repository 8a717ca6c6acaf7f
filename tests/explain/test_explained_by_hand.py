"""Every method on a network small enough to do on paper: `conftest.Paper`, whose channels are red, and green less blue.

Image one has red r = (1, .6, 0, 0) and green m = (0, 0, 1, 0). The logits are (2 * .4 - .25, .25) = (.55, .25); the gradients
of logit 0 are 2/4 in red and -1/4 in green, of logit 1 0 and 1/4, wherever the ReLU is open.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from tests.analysis.watched import CPU, network_of
from tlcore.explain.maps import explain
from tlcore.explain.places import Place, places
from tlcore.explain.plusplus import weighted
from tlcore.models.network import Network

METHODS_OF_CLASSES = ("gradcam", "gradcam++", "integrated-gradients", "guided-gradcam", "occlusion")


def first(network: Network, sheet: np.ndarray, method: str, target: int, against: int | None = None) -> np.ndarray:
    maps = explain(
        network,
        CPU,
        sheet[:1],
        method=method,
        targets=np.array([target]),
        against=None if against is None else np.array([against]),
    )
    return maps.values[0]


def test_the_place_is_behind_the_activation(paper: Network) -> None:
    assert places(paper, CPU, image_size=2) == {"body": Place("body", "body", 2, 2)}


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("gradcam", 0, [[0.5, 0.3], [0, 0]]),  # .5 r - .25 m, and what is below 0 left out
        ("gradcam", 1, [[0, 0], [0.25, 0]]),
        # 4 places with g = .5, alpha = 1 / (2 + .5 * 1.6): w = 2 / 2.8 in red; green pulls down and has none
        ("gradcam++", 0, [[2 / 2.8, 1.2 / 2.8], [0, 0]]),
        ("gradcam++", 1, [[0, 0], [1 / 2.25, 0]]),  # w = 4 * .25 / (2 + .25 * 1)
        ("integrated-gradients", 0, [[0.5, 0.3], [-0.25, 0]]),  # linear from black on, so gradient times pixel
        ("integrated-gradients", 1, [[0, 0], [0.25, 0]]),
        # red's gradient .5 where red is open, green's of -.25 cut off; times Grad-CAM
        ("guided-gradcam", 0, [[0.25, 0.15], [0, 0]]),
        ("guided-gradcam", 1, [[0, 0], [0.25 * (0.25 - 0.25), 0]]),  # green's and blue's gradients, .25 and -.25, add to 0
        ("occlusion", 0, [[0.5, 0.3], [-0.25, 0]]),  # each pixel painted black by itself
        ("occlusion", 1, [[0, 0], [0.25, 0]]),
    ],
)
def test_worked_out(paper: Network, sheet: np.ndarray, method: str, target: int, expected: list[list[float]]) -> None:
    np.testing.assert_allclose(first(paper, sheet, method, target), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("gradcam", [[0.5, 0.3], [0, 0]]),  # logit 0 - logit 1 = 2 r - 2 m: .5 r - .5 m
        ("integrated-gradients", [[0.5, 0.3], [-0.5, 0]]),
        ("occlusion", [[0.5, 0.3], [-0.5, 0]]),
    ],
)
def test_a_class_against_a_class_is_the_difference_of_their_logits(
    paper: Network, sheet: np.ndarray, method: str, expected: list[list[float]]
) -> None:
    np.testing.assert_allclose(first(paper, sheet, method, 0, 1), expected, atol=1e-6)
    turned = first(paper, sheet, method, 1, 0)
    np.testing.assert_allclose(
        turned, np.maximum(0, [[-0.5, -0.3], [0.5, 0]]) if method == "gradcam" else -np.array(expected), atol=1e-6
    )


def test_logits_targets_and_a_map_that_says_nothing(paper: Network, sheet: np.ndarray) -> None:
    found = explain(paper, CPU, sheet)
    np.testing.assert_allclose(found.logits, [[0.55, 0.25], [0, 0]], atol=1e-6)
    assert found.targets.tolist() == [0, 0]
    assert found.targets.dtype == np.int64
    assert found.values.dtype == found.logits.dtype == np.float32
    assert found.silent.tolist() == [False, True]  # blue closes both ReLUs
    assert not found.values[1].any()


@pytest.mark.parametrize("method", METHODS_OF_CLASSES)
def test_an_image_is_explained_alike_alone_and_among_others(paper: Network, sheet: np.ndarray, method: str) -> None:
    many = np.concatenate([sheet[:1]] + [sheet[1:]] * 34 + [sheet[:1]])  # more than a batch
    targets = np.arange(len(many)) % 2
    found = explain(paper, CPU, many, method=method, targets=targets)
    assert len(found.values) == len(found.logits) == 36
    np.testing.assert_allclose(found.values[0], first(paper, sheet, method, 0), atol=1e-6)
    np.testing.assert_allclose(found.values[35], first(paper, sheet, method, 1), atol=1e-6)
    assert found.silent.tolist() == [False, *[True] * 34, not found.values[35].any()]


def test_plus_plus_where_its_weights_are_not_defined() -> None:
    maps, gradients = torch.full((1, 1, 2, 2), -1.0), torch.full((1, 1, 2, 2), 0.5)  # 2 + .5 * -4 = 0
    assert torch.equal(weighted(maps, gradients), torch.zeros(1, 2, 2))


def test_rollout_of_even_attention_by_hand() -> None:
    """Without queries all T tokens count alike: (I/2 + J/2T)^L leaves (1 - 2^-L) / T of each patch in the class token."""
    network = network_of("vit_tiny_patch16_224", 64)
    module = network.module
    assert isinstance(module, VisionTransformer)
    with torch.no_grad():
        for block in module.blocks:
            block.attn.qkv.weight.zero_()
            block.attn.qkv.bias.zero_()
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    for group, blocks in (("blocks 1-3", 3), ("blocks 10-12", 12)):
        found = explain(network, CPU, images, method="attention-rollout", place=group)
        np.testing.assert_allclose(found.values, np.full((2, 4, 4), (1 - 0.5**blocks) / 17), atol=1e-6)
