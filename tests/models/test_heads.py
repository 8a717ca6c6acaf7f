"""The four heads: their formulae by hand, their counts, their place in every family, and the cut below them."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tlcore.errors import SpecError
from tlcore.groups import HEAD
from tlcore.models.catalogue import BACKBONES
from tlcore.models.construct import draw_head
from tlcore.models.cut import find_cuts
from tlcore.models.describe import describe
from tlcore.models.freezing import apply_phase
from tlcore.models.heads import AttentionHead, CosineHead, MLPHead, make_head
from tlcore.models.network import Network, build
from tlcore.models.partition import classifier_of
from tlcore.strategies import compile_plan, preset
from tlcore.strategies.head import HEADS, HeadKind, head_params

OTHERS: tuple[HeadKind, ...] = ("mlp", "cosine", "attention")
FAMILIES = (
    "tf_efficientnet_lite0",
    "resnet18",
    "mobilenetv3_small_100",
    "vit_tiny_patch16_224",
    "convnext_atto",
    "swin_tiny_patch4_window7_224",
    "densenet121",
)
WITHOUT_MAP = ("mobilenetv3_small_100", "vgg11_bn")
PLACES = [(name, kind) for name in FAMILIES for kind in OTHERS if kind != "attention" or name not in WITHOUT_MAP]


@cache
def _network(name: str, kind: HeadKind, seed: int = 0) -> Network:
    return build(name, classes=3, start="random", seed=seed, image_size=64, head=kind)


def _drawn(kind: HeadKind, inputs: int, classes: int) -> torch.nn.Module:
    """A head on its own, drawn as in a network."""

    class Alone(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = make_head(kind, inputs, classes)

        def get_classifier(self) -> torch.nn.Module:
            return self.fc

    module = Alone()
    draw_head(module, 0)
    return module.fc.eval()


# --- the formulae


def test_cosine_prototypes_by_hand() -> None:
    head = _drawn("cosine", 2, 2)
    with torch.no_grad():
        head.prototypes.copy_(torch.tensor([[3.0, 4.0], [0.0, -2.0]]))
    found = head(torch.tensor([[5.0, 0.0], [0.0, 7.0]]))
    assert torch.allclose(found, torch.tensor([[6.0, 0.0], [8.0, -10.0]])), "10 times 3/5 and 0; 4/5 and -1"
    assert torch.allclose(head(torch.tensor([[50.0, 0.0]])), found[:1]), "the length of the features plays no part"


def test_the_cosine_head_keeps_its_digits_in_a_lower_format() -> None:
    head, features = _drawn("cosine", 64, 5), torch.randn(8, 64, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(head(features), head(features))
        assert torch.allclose(head(features), head(features.double().float()), atol=0)
        lower = head(features)
    assert lower.dtype == torch.float32
    assert torch.equal(lower, head(features))


def test_mlp_by_hand() -> None:
    head, features = _drawn("mlp", 6, 3), torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    hidden = features @ head.hidden.weight.T
    gelu = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
    assert torch.allclose(head(features), gelu @ head.output.weight.T, atol=1e-6), "the biases begin at zero"
    head.train()
    torch.manual_seed(0)
    kept = (head.dropout(torch.ones(1, 100_000)) > 0).float().mean()
    assert kept.item() == pytest.approx(0.75, abs=0.01)


def test_attention_begins_as_the_average_and_then_looks_where_it_was_told() -> None:
    head, seen = _drawn("attention", 4, 2), torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(head(seen), functional.linear(seen.mean((2, 3)), head.output.weight, head.output.bias), atol=1e-6)
    with torch.no_grad():
        head.query.copy_(torch.randn(128, generator=torch.Generator().manual_seed(1)))
    values = seen.flatten(2).transpose(1, 2)
    for picture, answer in zip(values, head(seen), strict=True):
        scores = torch.stack([head.query @ torch.tanh(head.keys.weight @ value) for value in picture])
        mean = sum(share * value for share, value in zip(scores.softmax(0), picture, strict=True))
        assert torch.allclose(answer, head.output.weight @ mean, atol=1e-5)
    as_last = AttentionHead(4, 2, "NHWC")
    as_last.load_state_dict(head.state_dict())
    assert torch.equal(as_last(seen.permute(0, 2, 3, 1)), head(seen))
    assert torch.equal(head(values), head(seen)), "tokens are positions too"


@pytest.mark.parametrize("kind", HEADS)
def test_the_counts_are_those_of_the_modules(kind: HeadKind) -> None:
    for inputs, classes in ((5, 2), (1280, 14)):
        assert head_params(kind, inputs, classes) == sum(p.numel() for p in make_head(kind, inputs, classes).parameters())


# --- in networks


@pytest.mark.parametrize(("name", "kind"), PLACES)
def test_the_head_is_what_get_classifier_names_and_the_plan_counts(name: str, kind: HeadKind) -> None:
    network = _network(name, kind)
    head = network.module.get_classifier()
    assert head is network.head is classifier_of(network.module)
    assert (head.kind, network.head_kind, network.classes) == (kind, kind, 3)
    assert {id(p) for _, p in network.parameters(HEAD)} == {id(p) for p in head.parameters()}
    assert set(network.modules(HEAD)) >= set(head.modules())
    expected = BACKBONES[name].groups_with_head(3, kind)
    assert network.groups[-1] == expected[-1]
    if BACKBONES[name].sizing != "windows":  # smaller windows have smaller tables
        assert network.groups == expected
    total = sum(p.numel() for p in network.module.parameters())
    plan = compile_plan(preset("linear-probe"), network.groups, epochs=1, lr=1.0)
    assert (plan.total_params, plan.trainable_params) == (total, sum(p.numel() for p in head.parameters()))


@pytest.mark.parametrize(("name", "kind"), PLACES)
def test_prefix_then_suffix_is_the_network_bit_for_bit(name: str, kind: HeadKind) -> None:
    network = _network(name, kind)
    cuts = find_cuts(network)
    borders = tuple(group.name for group in network.groups[1:])
    assert tuple(cuts.nodes) == borders
    prefix = cuts.prefix(borders).eval()
    with torch.inference_mode():
        for count in (1, 3):
            pictures = torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(count))
            expected = network.module(pictures)
            assert expected.shape == (count, 3)
            for group, value in zip(borders, prefix(pictures), strict=True):
                assert torch.equal(cuts.suffix(group)(value), expected), group
    assert (value[0].numel() > BACKBONES[name].head_inputs) == (kind == "attention"), "attention sees all positions"


@pytest.mark.parametrize("kind", OTHERS)
def test_the_gradients_are_those_of_the_uncut_network(kind: HeadKind) -> None:
    network = build("resnet18", classes=3, start="random", seed=0, image_size=64, head=kind)
    cuts = find_cuts(network)
    prefix = cuts.prefix([HEAD]).eval()
    apply_phase(network, compile_plan(preset("linear-probe"), network.groups, epochs=1, lr=1.0).phases[0])
    pictures, truth = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0])

    def gradients(logits: Tensor) -> list[Tensor]:
        network.module.zero_grad(set_to_none=True)
        functional.cross_entropy(logits, truth).backward()
        return [parameter.grad.clone() for parameter in network.head.parameters()]

    torch.manual_seed(0)  # dropout draws the same in both
    uncut = gradients(network.module(pictures))
    with torch.inference_mode():
        (seen,) = prefix(pictures)
    torch.manual_seed(0)
    cut = gradients(cuts.suffix(HEAD)(seen.clone()))
    assert all(torch.equal(a, b) for a, b in zip(cut, uncut, strict=True))
    assert sum(bool(gradient.abs().max() > 0) for gradient in uncut) >= 2


def test_the_digest_of_a_map_is_not_that_of_what_is_pooled_from_it() -> None:
    digests = {kind: find_cuts(_network("resnet18", kind)).digest(HEAD) for kind in HEADS}
    assert digests["linear"] == digests["mlp"] == digests["cosine"]
    assert digests["attention"] != digests["linear"]


@pytest.mark.parametrize("kind", HEADS)
def test_the_head_is_drawn_from_the_seed_alone(kind: HeadKind) -> None:
    torch.manual_seed(9)
    one = _network("resnet18", kind, 4)
    torch.manual_seed(10)
    again = build("resnet18", classes=3, start="random", seed=4, image_size=64, head=kind)
    other = _network("resnet18", kind, 5)
    for name, tensor in one.head.state_dict().items():
        assert torch.equal(tensor, again.head.state_dict()[name])
    assert any(not torch.equal(tensor, other.head.state_dict()[name]) for name, tensor in one.head.state_dict().items())
    linear = _network("resnet18", "linear", 4)
    bodies = ({n: t for n, t in net.module.state_dict().items() if not n.startswith("fc.")} for net in (one, linear))
    first, second = bodies
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items()), "the backbone does not depend on it"


def test_classes_of_our_heads_are_what_they_say() -> None:
    assert [make_head(kind, 4, 2).kind for kind in OTHERS] == list(OTHERS)
    assert [type(make_head(kind, 4, 2)) for kind in OTHERS] == [MLPHead, CosineHead, AttentionHead]


# --- where attention has nothing to look at


@pytest.mark.parametrize("name", WITHOUT_MAP)
def test_a_family_without_a_map_refuses_attention_by_name(name: str) -> None:
    assert not BACKBONES[name].shows_positions
    with pytest.raises(SpecError, match="shows its head one pooled vector") as caught:
        _network(name, "attention")
    assert BACKBONES[name].title in caught.value.message
    assert "resnet18" in caught.value.next_step


def test_a_map_of_one_position_is_refused_with_the_way_out() -> None:
    with pytest.raises(SpecError, match="At 32 pixels ResNet-18 shows its head a single position") as caught:
        build("resnet18", classes=2, start="random", seed=0, image_size=32, head="attention")
    assert caught.value.next_step.startswith("Raise the image size")


def test_models_outside_the_catalogue_have_heads_too() -> None:
    card = describe("test_vit")
    assert card.shows_positions
    network = build("test_vit", classes=3, start="random", seed=0, image_size=64, head="attention")
    assert network.groups == card.groups_with_head(3, "attention")
    assert network.groups[-1].params == sum(parameter.numel() for parameter in network.module.get_classifier().parameters())
