"""A leaner backward pass: PyTorch's own gradients, and the outputs to the last bit."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from tlcore.models.backward import DepthwiseConv2d, in_place, make_lean
from tlcore.models.network import build


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _gradients(module: nn.Module, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
    """What comes out, and the gradients of the sum of its squares: of the pictures first, then of every parameter."""
    pictures = pictures.clone().requires_grad_(True)
    output = module(pictures)
    return output, list(torch.autograd.grad(output.square().sum(), [pictures, *module.parameters()]))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "height", "width"),
    [
        ((5, 5), (1, 1), (2, 2), 4, 4),
        ((5, 5), (2, 2), (2, 2), 4, 4),
        ((7, 7), (1, 1), (3, 3), 1, 1),
        ((3, 3), (2, 2), (1, 1), 2, 2),
        ((3, 5), (1, 2), (1, 2), 7, 4),  # one side alone is smaller than the kernel
        ((5, 5), (3, 3), (4, 4), 2, 3),
        ((5, 5), (1, 1), (2, 2), 9, 9),  # none is: PyTorch's own
    ],
)
def test_a_depthwise_gradient_is_pytorchs(
    kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], height: int, width: int, bias: bool
) -> None:
    plain = nn.Conv2d(6, 6, kernel, stride, padding, groups=6, bias=bias).double()
    lean = copy.deepcopy(plain)
    make_lean(lean)
    assert type(lean) is DepthwiseConv2d
    pictures = _normal(3, 6, height, width).double().contiguous(memory_format=torch.channels_last)
    (before, expected), (after, found) = _gradients(plain, pictures), _gradients(lean, pictures)
    assert torch.equal(before, after)
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(a, b)


def test_one_weight_by_hand() -> None:
    """A 1 x 1 map under a 3 x 3 kernel: the middle weight alone sees it. Its gradient is what it saw times what came back."""
    convolution = nn.Conv2d(1, 1, 3, padding=1, groups=1, bias=False)
    make_lean(convolution)
    convolution(torch.full((1, 1, 1, 1), 3.0)).mul(2).sum().backward()
    expected = torch.zeros(1, 1, 3, 3)
    expected[0, 0, 1, 1] = 6.0
    assert torch.equal(convolution.weight.grad, expected)


def test_a_frozen_weight_gets_no_gradient_and_passes_it_on() -> None:
    convolution = nn.Conv2d(4, 4, 5, padding=2, groups=4)
    make_lean(convolution)
    convolution.requires_grad_(False)
    pictures = _normal(2, 4, 3, 3).requires_grad_(True)
    convolution(pictures).sum().backward()
    assert convolution.weight.grad is None
    assert pictures.grad.abs().sum() > 0


def test_a_convolution_that_mixes_channels_stays_as_it_is() -> None:
    for convolution in (
        nn.Conv2d(4, 8, 3, groups=4),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv2d(4, 4, 3, groups=4, padding="same"),
        nn.Conv2d(4, 4, 3, groups=4, dilation=2),
        nn.Conv2d(4, 4, 3, groups=4, padding=1, padding_mode="circular"),
    ):
        make_lean(convolution)
        assert type(convolution) is nn.Conv2d


def test_only_activations_that_would_copy_leave_their_place() -> None:
    module = nn.Sequential(nn.ReLU(inplace=True), nn.ReLU6(inplace=True), nn.SiLU(inplace=True), nn.LeakyReLU(inplace=True))
    make_lean(module)
    assert [part.inplace for part in module] == [True, False, False, True]
    with in_place(module):
        assert all(part.inplace for part in module)
    assert [part.inplace for part in module] == [True, False, False, True]


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "mobilenetv3_small_100", "convnext_atto"])
def test_a_whole_network_answers_alike_and_learns_alike(name: str) -> None:
    network = build(name, classes=3, start="random", seed=0, image_size=64)
    plain = network.module.eval()
    lean = copy.deepcopy(plain)
    make_lean(lean)
    assert any(type(part) is DepthwiseConv2d for part in lean.modules())
    assert plain.state_dict().keys() == lean.state_dict().keys()
    pictures = _normal(2, 3, 64, 64)
    (before, expected), (after, found) = _gradients(plain, pictures), _gradients(lean, pictures)
    assert torch.equal(before, after)
    for a, b in zip(expected, found, strict=True):
        assert (a - b).abs().max() <= 1e-5 * a.abs().max().clamp_min(1e-12)
