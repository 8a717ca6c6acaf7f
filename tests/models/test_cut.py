"""The cut: prefix and suffix are the network itself, in values and in gradients, at every border of every backbone."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tlcore.groups import HEAD, Group
from tlcore.models.catalogue import BACKBONES
from tlcore.models.cut import Uncuttable, find_cuts
from tlcore.models.freezing import apply_phase
from tlcore.models.network import Network, build
from tlcore.models.partition import Partition
from tlcore.strategies import compile_plan, preset
from tlcore.strategies.scope import Top

SMALL = "mobilenetv3_small_100"  # 7 groups, 1.5 million weights, squeeze-and-excitation, hard-swish
ONE_PER_FAMILY = (
    *("tf_efficientnet_lite0", "mobilenetv2_100", "resnet18", "densenet121", "regnety_002", "convnext_atto"),
    *("vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"),
)


def _network(name: str) -> Network:
    """With running statistics and affine weights that are not those of a fresh BatchNorm, which hides what is left out."""
    network = build(name, classes=2, start="random", seed=0, image_size=BACKBONES[name].min_image_size)
    draws = torch.Generator().manual_seed(1)
    for module in network.module.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.uniform_(-0.2, 0.2, generator=draws)
            module.running_var.uniform_(0.5, 1.5, generator=draws)
    return network


def _pictures(name: str, count: int) -> Tensor:
    size = BACKBONES[name].min_image_size
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(count))


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_prefix_then_suffix_is_the_network_bit_for_bit_at_every_border(name: str) -> None:
    network = _network(name)
    cuts = find_cuts(network)
    borders = tuple(group.name for group in network.groups[1:])
    assert tuple(cuts.nodes) == borders, "every border between two groups has a cut"
    prefix = cuts.prefix(borders).eval()
    suffixes = {group: cuts.suffix(group) for group in borders}
    with torch.inference_mode():
        for count in (1, 3):
            pictures = _pictures(name, count)
            expected = network.module(pictures)
            assert expected.std() > 0
            for group, value in zip(borders, prefix(pictures), strict=True):
                assert torch.equal(suffixes[group](value), expected), (group, count)
    own = {id(tensor) for tensor in (*network.module.parameters(), *network.module.buffers())}
    assert not own & {id(tensor) for tensor in (*prefix.parameters(), *prefix.buffers())}
    for group in borders:
        above = borders[borders.index(group) :]
        needed = {id(parameter) for name in above for _, parameter in network.parameters(name)}
        assert {id(parameter) for parameter in suffixes[group].parameters()} == needed, "the suffix is what is above the cut"


class _WithConstant(nn.Module):
    """Adds what its own Python makes, as rotary position embeddings do."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, images: Tensor) -> Tensor:
        return self.inside(images + torch.linspace(-1, 1, 3).view(3, 1, 1))


def test_constants_that_the_forward_makes_go_along() -> None:
    network = _network("resnet18")
    network.module = _WithConstant(network.module)
    groups = network.partition
    tensors = {f"inside.{name}": group for name, group in groups.tensors.items()}
    modules = {"": None} | {f"inside.{name}".rstrip("."): group for name, group in groups.modules.items()}
    network.partition = Partition(groups.groups, tensors, modules)
    cuts = find_cuts(network)
    pictures = _pictures("resnet18", 2)
    with torch.inference_mode():
        for group in cuts.nodes:
            (value,) = cuts.prefix([group]).eval()(pictures)
            assert torch.equal(cuts.suffix(group)(value), network.module(pictures))


def _gradients(network: Network, loss: Tensor) -> dict[str, Tensor]:
    network.module.zero_grad(set_to_none=True)
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in network.module.named_parameters() if parameter.grad is not None}


def _check_gradients(name: str, count: int) -> None:
    """Of the top `count` groups and the head, in the modes of a training run, against those of the uncut network."""
    network = _network(name)
    strategy = preset("last-group").model_copy(update={"scope": Top(count=count, batchnorm="trained")})
    phase = compile_plan(strategy, network.groups, epochs=1, lr=1e-3).phases[0]
    cuts = find_cuts(network)
    lowest = network.groups[-1 - count].name
    prefix = cuts.prefix([lowest]).eval()
    apply_phase(network, phase)
    pictures, truth = _pictures(name, 4), torch.tensor([0, 1, 1, 0])
    statistics = copy.deepcopy(dict(network.module.named_buffers()))

    torch.manual_seed(0)  # dropout and stochastic depth draw the same in both
    uncut = _gradients(network, functional.cross_entropy(network.module(pictures), truth))
    after_uncut = copy.deepcopy(dict(network.module.named_buffers()))
    for buffer_name, buffer in network.module.named_buffers():
        buffer.copy_(statistics[buffer_name])
    with torch.inference_mode():
        (activation,) = prefix(pictures)
    torch.manual_seed(0)
    cut = _gradients(network, functional.cross_entropy(cuts.suffix(lowest)(activation.clone()), truth))

    assert (
        cut.keys()
        == uncut.keys()
        == {name for name, _ in network.module.named_parameters() if phase.trains(network.partition.tensors[name])}
    )
    assert all(gradient.abs().max() > 0 for name, gradient in uncut.items() if name.endswith("weight") and "head" in name)
    for name, gradient in uncut.items():
        assert torch.equal(cut[name], gradient), name
    for buffer_name, buffer in network.module.named_buffers():
        assert torch.equal(buffer, after_uncut[buffer_name]), buffer_name


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_the_gradients_of_the_last_group_are_those_of_the_uncut_network(name: str) -> None:
    _check_gradients(name, 1)


@pytest.mark.slow
@pytest.mark.parametrize("count", range(1, 6))
def test_the_gradients_are_those_of_the_uncut_network_at_every_border(count: int) -> None:
    _check_gradients(SMALL, count)


@pytest.fixture(scope="module")
def resnet() -> Network:
    return _network("resnet18")


def test_the_digest_is_of_what_is_below_the_cut(resnet: Network) -> None:
    cuts = find_cuts(resnet)
    before = {group: cuts.digest(group) for group in cuts.nodes}
    assert len(set(before.values())) == len(before)
    assert find_cuts(resnet).digest("stage 3") == before["stage 3"]
    with torch.no_grad():
        resnet.module.layer3[0].conv1.weight[0, 0, 0, 0] += 1
    assert {group for group in cuts.nodes if cuts.digest(group) != before[group]} == {"stage 4", HEAD}
    with torch.no_grad():
        resnet.module.fc.weight += 1
    assert cuts.digest("stage 3") == before["stage 3"]
    later = {group: cuts.digest(group) for group in cuts.nodes}
    resnet.module.bn1.running_var += 1
    assert all(cuts.digest(group) != later[group] for group in cuts.nodes), "statistics count as well as weights"


def test_the_prefix_stays_as_it_was_while_the_network_learns(resnet: Network) -> None:
    cuts = find_cuts(resnet)
    prefix, suffix = cuts.prefix([HEAD]).eval(), cuts.suffix(HEAD)
    pictures = _pictures("resnet18", 2)
    with torch.inference_mode():
        (before,) = prefix(pictures)
        answer = suffix(before)
    with torch.no_grad():
        resnet.module.conv1.weight.mul_(2)
        resnet.module.fc.bias.add_(1)
    with torch.inference_mode():
        assert torch.equal(prefix(pictures)[0], before)
        assert torch.allclose(suffix(before), answer + 1, atol=1e-5)


# --- networks of a few weights, in which what must be found is plain


class _Plain(nn.Module):
    """stem, body, head, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body, self.head = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, values: Tensor, scale: float | None = None) -> Tensor:
        below = self.stem(values)
        return self.head(self.body(below) * (scale or 1.0))


class _Skipping(_Plain):
    """A path from the stem goes round the body: below the body one value alone goes on, below the head two do."""

    def forward(self, values: Tensor) -> Tensor:
        below = self.stem(values)
        return self.head(self.body(below)) + below.mean()


class _Branching(_Plain):
    """What it does depends on the values."""

    def forward(self, values: Tensor) -> Tensor:
        return self.head(self.body(self.stem(values))) if values.sum() > 0 else self.head(values)


def _small(module: nn.Module) -> Network:
    names = ("stem", "body", HEAD)
    groups = tuple(Group(name, level, 1) for name, level in zip(names, ("bottom", "top", "head"), strict=True))
    tensors = {name: name.split(".")[0] for name, _ in module.named_parameters()}
    modules = {name: name or None for name, _ in module.named_modules()}
    return Network(module.eval(), None, {}, Partition(groups, tensors, modules))  # type: ignore[arg-type] - no pictures here


def test_the_cut_is_the_last_place_below_a_group() -> None:
    cuts = find_cuts(_small(_Plain()))
    assert {group: str(node.target) for group, node in cuts.nodes.items()} == {
        "body": "network.stem",
        HEAD: "<built-in function mul>",  # what has no weights belongs to the prefix
    }


def test_a_path_round_a_group_leaves_no_cut_there_and_a_head_without_one_cannot_be_cut() -> None:
    with pytest.raises(Uncuttable, match="_Skipping has no place where one value alone goes on to the head"):
        find_cuts(_small(_Skipping()))


def test_a_network_that_decides_by_values_cannot_be_traced_and_says_so() -> None:
    with pytest.raises(Uncuttable, match=r"_Branching cannot be traced: .*control flow"):
        find_cuts(_small(_Branching()))
