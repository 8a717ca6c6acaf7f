"""BatchNorm folded into the convolution before it: by hand on one weight, and only where nothing else sees the value."""

from __future__ import annotations

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, fx, nn

from tlcore.models import folding
from tlcore.models.catalogue import BACKBONES
from tlcore.models.cut import find_cuts
from tlcore.models.folding import fold_batchnorms
from tlcore.models.network import build

PICTURES = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def _norm(channels: int, kind: type[nn.BatchNorm2d] = nn.BatchNorm2d, **options: object) -> nn.BatchNorm2d:
    """A BatchNorm that does something: mean, variance, scale and shift of its own."""
    norm = kind(channels, **options)
    draws = torch.Generator().manual_seed(channels)
    for tensor, low, high in (
        (norm.running_mean, -1, 1),
        (norm.running_var, 0.5, 2),
        (norm.weight, 0.5, 2),
        (norm.bias, -1, 1),
    ):
        tensor.data.uniform_(low, high, generator=draws)
    return norm


class _Prefix(nn.Module):
    """A forward that gives a tuple, as a prefix does."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.parts = tuple(parts)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        for name in self.parts:
            pictures = getattr(self, name)(pictures)
        return (pictures,)


def _fold(module: nn.Module, pictures: Tensor = PICTURES) -> tuple[fx.GraphModule, list[nn.Module]]:
    """The folded module, after a look that it answers as before, and the BatchNorms that are left in it."""
    traced = fx.symbolic_trace(module.eval())
    with torch.inference_mode():
        before = traced(pictures)
        folded = fold_batchnorms(traced, pictures)
        after = folded(pictures)
    for a, b in zip(before, after, strict=True):
        assert (a - b).abs().max() < folding.TOLERANCE * a.abs().max()
    return folded, [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]


def test_one_weight_by_hand() -> None:
    """w = 3, b = 1; mean 2, variance 4 - eps, gamma 5, beta 7: w' = 3 * 5/2 = 7.5 and b' = (1 - 2) * 5/2 + 7 = 4.5."""
    convolution, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)
    for tensor, value in (
        (convolution.weight, 3.0),
        (convolution.bias, 1.0),
        (norm.running_mean, 2.0),
        (norm.running_var, 4.0 - norm.eps),
        (norm.weight, 5.0),
        (norm.bias, 7.0),
    ):
        nn.init.constant_(tensor.data, value)
    folded, left = _fold(_Prefix(convolution=convolution, norm=norm), PICTURES[:, :1])
    assert not left
    (found,) = [m for m in folded.modules() if isinstance(m, nn.Conv2d)]
    assert (found.weight.item(), found.bias.item()) == pytest.approx((7.5, 4.5))
    assert (convolution.weight.item(), convolution.bias.item()) == (3.0, 1.0), "the convolution that was given is left alone"


@pytest.mark.parametrize(
    ("convolution", "norm"),
    [
        (nn.Conv2d(3, 6, 3, padding=1, bias=False), _norm(6)),
        (nn.Conv2d(3, 6, 3, stride=2, groups=3), _norm(6)),
        (nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6, affine=False)),
    ],
)
def test_every_kind_of_convolution_takes_its_norm_in(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    _, left = _fold(_Prefix(convolution=convolution, norm=norm))
    assert not left


def test_the_activation_of_a_norm_with_one_stays() -> None:
    folded, left = _fold(_Prefix(convolution=nn.Conv2d(3, 4, 3), norm=_norm(4, BatchNormAct2d)))
    assert not left
    assert any(isinstance(module, nn.ReLU) for module in folded.modules())
    (values,) = folded(PICTURES)
    assert values.min() == 0 < values.max()


def test_a_norm_before_its_convolution_stays() -> None:
    _, left = _fold(_Prefix(norm=_norm(3), act=nn.ReLU(), convolution=nn.Conv2d(3, 4, 3)))
    assert len(left) == 1


class _Twice(nn.Module):
    """One convolution called twice, each time with another norm after it."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), _norm(3), _norm(3)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return (self.second(self.shared(self.first(self.shared(pictures)))),)


class _Seen(nn.Module):
    """What the convolution gives is also used without the norm."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 3, padding=1), _norm(3)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        plain = self.convolution(pictures)
        return (self.norm(plain) + plain,)


@pytest.mark.parametrize(("module", "norms"), [(_Twice(), 2), (_Seen(), 1)])
def test_a_convolution_whose_value_is_also_used_otherwise_keeps_its_norm(module: nn.Module, norms: int) -> None:
    _, left = _fold(module)
    assert len(left) == norms


def test_a_norm_without_running_statistics_stays() -> None:
    _, left = _fold(_Prefix(convolution=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4, track_running_stats=False)))
    assert len(left) == 1


class _Standardised(nn.Conv2d):
    """Its weights are brought to mean 0 and spread 1 at each call: a scale in them is lost."""

    def forward(self, pictures: Tensor) -> Tensor:
        weight = (self.weight - self.weight.mean()) / self.weight.std()
        return nn.functional.conv2d(pictures, weight, self.bias)


def test_where_the_folded_network_answers_otherwise_the_plain_one_is_kept_whole() -> None:
    module = _Prefix(convolution=_Standardised(3, 4, 3), norm=_norm(4)).eval()
    traced = fx.GraphModule(module, folding._FineTracer().trace(module))
    expected = module(PICTURES)[0]
    kept = fold_batchnorms(traced, PICTURES)
    assert kept is traced
    assert torch.equal(kept(PICTURES)[0], expected)


def test_a_network_without_norms_is_left_alone() -> None:
    traced = fx.symbolic_trace(_Prefix(convolution=nn.Conv2d(3, 4, 3)))
    assert fold_batchnorms(traced, PICTURES) is traced


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("resnet18", 0),
        ("mobilenetv3_small_100", 0),  # BatchNormAct2d, squeeze-and-excitation
        ("regnety_002", 0),
        ("densenet121", 62),  # pre-activation: of each of 58 dense layers the first, of 3 transitions, and the last
    ],
)
def test_the_norms_of_real_backbones(name: str, left: int) -> None:
    size = BACKBONES[name].min_image_size
    network = build(name, classes=2, start="random", seed=0, image_size=size)
    for module in network.module.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2, generator=torch.Generator().manual_seed(1))
            module.running_var.uniform_(0.5, 1.5, generator=torch.Generator().manual_seed(2))
    prefix = find_cuts(network).prefix(["head"]).eval().requires_grad_(False)
    pictures = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        (expected,) = prefix(pictures)
        folded = fold_batchnorms(prefix, pictures)
        (found,) = folded(pictures)
        assert (found - expected).abs().max() < folding.TOLERANCE * expected.abs().max()
        assert folded(pictures[:1])[0].shape == expected[:1].shape, "no batch size is baked in"
    assert folded is not prefix
    assert sum(isinstance(module, nn.BatchNorm2d) for module in folded.modules()) == left
