"""The prefix as it is used: in eval mode whatever the network's, detached from it, in any number format."""

from __future__ import annotations

import pytest
import torch

from tlcore.groups import HEAD
from tlcore.models.cut import Cuts, find_cuts
from tlcore.models.network import Network, build
from tlcore.models.prefix import prefix_of

NAME, SIZE = "mobilenetv3_small_100", 32
PICTURES = torch.randn(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def network() -> Network:
    return build(NAME, classes=2, start="random", seed=0, image_size=SIZE)


@pytest.fixture(scope="module")
def cuts(network: Network) -> Cuts:
    return find_cuts(network)


def test_unfolded_it_is_the_network_bit_for_bit_even_when_that_trains(network: Network, cuts: Cuts) -> None:
    laid_out = PICTURES.contiguous(memory_format=torch.channels_last)
    network.module.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        expected = network.module(laid_out)
    network.module.train()
    prefix = prefix_of(cuts, ["stage 3", HEAD], PICTURES[:2], fold=False)
    assert prefix.groups == ("stage 3", HEAD)
    low, high = prefix(PICTURES)
    network.module.eval()
    with torch.inference_mode():
        assert torch.equal(cuts.suffix("stage 3")(low), expected)
        assert torch.equal(cuts.suffix(HEAD)(high), expected)
    assert not any(parameter.requires_grad for parameter in prefix.module.parameters())
    assert low.is_inference()


def test_folded_it_is_the_network_within_the_tolerance(network: Network, cuts: Cuts) -> None:
    plain = prefix_of(cuts, [HEAD], PICTURES[:2], fold=False)(PICTURES)[0]
    folded = prefix_of(cuts, [HEAD], PICTURES[:2])(PICTURES)[0]
    assert not torch.equal(folded, plain), "it must be folded for this to say anything"
    assert (folded - plain).abs().max() < 1e-4 * plain.abs().max()


@pytest.mark.parametrize(("precision", "within"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_in_another_format_it_answers_nearly_the_same(cuts: Cuts, precision: str, within: float) -> None:
    prefix = prefix_of(cuts, [HEAD], PICTURES[:2])
    other = prefix.in_precision(precision)
    expected, found = prefix(PICTURES)[0], other(PICTURES)[0]
    assert (other.precision, found.dtype) == (precision, getattr(torch, precision))
    assert 0 < (found.float() - expected).square().mean().sqrt() < within * expected.square().mean().sqrt()
    assert torch.equal(prefix(PICTURES)[0], expected), "the one that it was made from stays"
    assert prefix(PICTURES)[0].dtype == torch.float32
