"""Adapters in real networks: nothing changes at the start, the groups stay the groups, the cut holds, and LoRA is peft's."""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.errors import SpecError, ThawError
from tlcore.models.adapters import insert, merged
from tlcore.models.catalogue import BACKBONES
from tlcore.models.cut import find_cuts
from tlcore.models.describe import describe
from tlcore.models.freezing import apply_phase
from tlcore.models.kinds import adapter_tensors, bias_tensors, norm_tensors
from tlcore.models.network import Network, build
from tlcore.models.partition import partition
from tlcore.models.sites import find_sites
from tlcore.strategies import Phase, Strategy, compile_plan
from tlcore.strategies.scope import BitFit, Bottleneck, LoRA, NormOnly, Scope

SIZE = 64
FAMILIES = [  # one of each
    "tf_efficientnet_lite0",
    "mobilenetv3_small_100",
    "resnet18",
    "densenet121",
    "vgg11_bn",
    "regnety_002",
    "convnext_atto",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
]
CUT = ["resnet18", "tf_efficientnet_lite0", "vit_tiny_patch16_224"]
ADAPTERS = [LoRA(rank=4), Bottleneck(width=4)]


def network_of(name: str) -> Network:
    return build(name, classes=3, start="random", seed=0, image_size=SIZE)


def pictures(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def answers(module: nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return module.eval()(pictures())


def phase_of(network: Network, scope: Scope) -> Phase:
    return compile_plan(Strategy(scope=scope), network.groups, epochs=1, lr=0.1).phases[0]


def awaken(network: Network) -> None:
    """Give every adapter values as after some training: `up` is no longer 0."""
    generator = torch.Generator().manual_seed(2)
    inside = adapter_tensors(network.module)
    with torch.no_grad():
        for name, parameter in network.module.named_parameters():
            if name in inside:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_start_is_the_base_bit_for_bit_and_the_plan_counts_what_moves(name: str) -> None:
    base = network_of(name)
    expected = answers(base.module)
    twin = Network(copy.deepcopy(base.module), base.preprocessing, base.provenance, base.partition)
    for network, scope in ((base, NormOnly()), (base, BitFit()), (base, LoRA(rank=3)), (twin, Bottleneck(width=5))):
        insert(network, scope, seed=0, image_size=SIZE)
        assert torch.equal(answers(network.module), expected)
        plan = compile_plan(Strategy(scope=scope), network.groups, epochs=1, lr=0.1)
        apply_phase(network, plan.phases[0])
        moving = [parameter for parameter in network.module.parameters() if parameter.requires_grad]
        assert plan.trainable_params == sum(parameter.numel() for parameter in moving)
        assert plan.total_params == sum(parameter.numel() for parameter in network.module.parameters())
        parts = network.partition
        assert set(parts.tensors) == {n for n, _ in (*network.module.named_parameters(), *network.module.named_buffers())}
        assert set(parts.modules) == {n for n, _ in network.module.named_modules()}
        assert set(parts.tensors.values()) == {group.name for group in parts.groups}
        lowest = next(i for i, group in enumerate(plan.groups) if plan.phases[0].trains(group.name))
        adapted = {parts.tensors[tensor] for tensor in adapter_tensors(network.module)}
        assert adapted <= {group.name for group in plan.groups[lowest:-1]}


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("scope", [NormOnly(), BitFit(), *ADAPTERS], ids=lambda scope: scope.kind)
def test_a_step_moves_what_the_scope_says_and_nothing_else(name: str, scope: Scope) -> None:
    network = network_of(name)
    insert(network, scope, seed=0, image_size=SIZE)
    awaken(network)
    module = network.module.train()  # as anybody might have done
    apply_phase(network, phase_of(network, scope))
    for key in norm_tensors(module):  # a random ResNet's blocks end in a norm of scale 0, and nothing in them has a gradient
        nn.init.ones_(module.get_parameter(key))
    assert not any(child.training for child in module.modules() if isinstance(child, _BatchNorm))
    before = {key: tensor.detach().clone() for key, tensor in (*module.named_parameters(), *module.named_buffers())}
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=0.1, weight_decay=0.01)
    functional.cross_entropy(module(pictures()), torch.tensor([0, 2])).backward()
    optimizer.step()
    after = dict((*module.named_parameters(), *module.named_buffers()))
    moved = {key for key, tensor in before.items() if not torch.equal(after[key], tensor)}
    head = {key for key, group in network.partition.tensors.items() if group == "head"}
    may = {"norms": norm_tensors, "biases": bias_tensors, "adapters": adapter_tensors}[scope.moves](module) | head
    assert moved <= may
    matrices = {key for key in may if before[key].ndim > 1}
    assert matrices | head <= moved
    assert len(moved) > 0.9 * len(may)  # a bias before a norm, or of keys in attention, has no gradient


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("scope", ADAPTERS, ids=lambda scope: scope.kind)
def test_prefix_and_suffix_are_the_network_bit_for_bit(name: str, scope: Scope) -> None:
    network = network_of(name)
    before = find_cuts(network)
    digests = {group: before.digest(group) for group in before.nodes}
    insert(network, scope.model_copy(update={"from_group": "top"}), seed=0, image_size=SIZE)
    awaken(network)
    cuts = find_cuts(network)
    assert list(cuts.nodes) == list(before.nodes)
    lowest = next(group.name for group in network.groups if group.level == "top")
    assert all(cuts.digest(group) == digests[group] for group in list(cuts.nodes)[: list(cuts.nodes).index(lowest) + 1])
    expected = answers(network.module)
    for group in cuts.nodes:
        with torch.inference_mode():
            (activation,) = cuts.prefix([group]).eval()(pictures())
            assert torch.equal(cuts.suffix(group)(activation), expected), group


@pytest.mark.parametrize("name", [*CUT, "convnext_atto"])
def test_merged_weights_answer_as_the_adapters_do(name: str) -> None:
    network = network_of(name)
    plain = copy.deepcopy(network.module)
    base = answers(plain)
    insert(network, LoRA(rank=4), seed=0, image_size=SIZE)
    awaken(network)
    expected = answers(network.module)
    assert (expected - base).abs().max() > 0.01 * base.abs().max()  # they do something
    plain.load_state_dict(merged(network))
    torch.testing.assert_close(answers(plain), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_bottlenecks_cannot_be_merged() -> None:
    network = network_of("resnet18")
    insert(network, Bottleneck(width=2), seed=0, image_size=SIZE)
    with pytest.raises(ThawError, match="cannot be merged"):
        merged(network)


def test_an_adapter_is_drawn_from_the_seed_and_its_own_place() -> None:
    every, top, other = (network_of("resnet18") for _ in range(3))
    insert(every, LoRA(rank=2), seed=5, image_size=SIZE)
    torch.manual_seed(1)
    insert(top, LoRA(rank=2, from_group="top"), seed=5, image_size=SIZE)
    insert(other, LoRA(rank=2, from_group="top"), seed=6, image_size=SIZE)
    name = "layer4.1.conv2"
    down = every.module.get_submodule(name).low_rank.down.weight
    assert torch.equal(top.module.get_submodule(name).low_rank.down.weight, down)
    assert not torch.equal(other.module.get_submodule(name).low_rank.down.weight, down)
    assert not hasattr(top.module.layer3[0].conv1, "low_rank")


def test_what_is_left_out_is_said() -> None:
    lite = network_of("tf_efficientnet_lite0")
    notes = insert(lite, LoRA(), seed=0, image_size=SIZE)
    assert notes == ("LoRA leaves out 16 depthwise or grouped convolutions, which stay frozen.",)
    assert sum(group.lora_left_out for group in lite.groups) == 16
    assert not hasattr(lite.module.blocks[0][0].conv_dw, "low_rank")
    vit = network_of("vit_tiny_patch16_224")
    assert insert(vit, LoRA(), seed=0, image_size=SIZE) == ()
    assert vit.module.blocks[3].attn.qkv.low_rank.up.weight.shape == (3 * 192, 8)


def test_a_layer_whose_weights_another_module_reads_is_left_out() -> None:
    with torch.device("meta"):
        beit = timm.create_model("beit_base_patch16_224", num_classes=2)
    sites = find_sites(beit, partition(beit).modules, 224)
    left_out = [name for name, what in sites.left_out.items() if what == "layer whose weights another module reads"]
    assert left_out == [f"blocks.{i}.attn.qkv" for i in range(12)]
    assert "blocks.0.attn.proj" in sites.lora


def test_a_model_outside_the_catalogue_is_counted_when_it_is_looked_at() -> None:
    card = describe("resnet10t")
    network = network_of("resnet10t")
    insert(network, LoRA(rank=2), seed=0, image_size=SIZE)
    groups = card.groups_with_head(3)
    plan = compile_plan(Strategy(scope=LoRA(rank=2)), groups, epochs=1, lr=1.0)
    assert plan.total_params == sum(parameter.numel() for parameter in network.module.parameters())


def test_a_backbone_that_has_no_place_is_refused_before_anything_is_changed() -> None:
    network = network_of("resnet18")
    before = set(network.module.state_dict())
    with pytest.raises(SpecError, match="nothing from 'head' up"):
        insert(network, LoRA(from_group="head"), seed=0, image_size=SIZE)
    assert set(network.module.state_dict()) == before


def test_by_hand() -> None:
    network = network_of("resnet18")
    insert(network, LoRA(rank=2, alpha=6.0), seed=0, image_size=SIZE)
    layer = network.module.layer2[0].conv1  # 3 x 3, stride 2
    adapter = layer.low_rank
    assert (adapter.down.weight.shape, adapter.up.weight.shape) == ((2, 64, 3, 3), (128, 2, 1, 1))
    assert adapter.scale == 3.0
    assert float(adapter.down.weight.detach().abs().max()) <= 1 / (64 * 9) ** 0.5
    awaken(network)
    inputs = torch.randn(1, 64, 8, 8, generator=torch.Generator().manual_seed(0))
    change = 3.0 * torch.einsum("or,rikl->oikl", adapter.up.weight[:, :, 0, 0], adapter.down.weight)
    expected = functional.conv2d(inputs, layer.weight + change, stride=2, padding=1)
    torch.testing.assert_close(layer(inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of peft and what it imports
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_lora_is_pefts_step_by_step(name: str) -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed: tests/requirements.txt has it")
    network = network_of(name)
    theirs = copy.deepcopy(network.module)
    insert(network, LoRA(rank=4, alpha=8.0), seed=0, image_size=SIZE)
    places = sorted(key.removesuffix(".low_rank.up.weight") for key in adapter_tensors(network.module) if "up" in key)
    config = peft.LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, target_modules=places)
    theirs = peft.get_peft_model(theirs, config)
    ours = network.module.eval().requires_grad_(False)
    theirs.eval()
    pairs = []
    for place in places:
        adapter, other = ours.get_submodule(place).low_rank, theirs.base_model.model.get_submodule(place)
        pairs += [(adapter.down.weight, other.lora_A["default"].weight), (adapter.up.weight, other.lora_B["default"].weight)]
    with torch.no_grad():
        for mine, other in pairs:
            other.copy_(mine)
            mine.requires_grad_(True)
    assert {id(p) for p in theirs.parameters() if p.requires_grad} == {id(other) for _, other in pairs}
    optimizers = [torch.optim.AdamW([pair[side] for pair in pairs], lr=1e-3) for side in (0, 1)]
    for step in range(3):
        inputs = torch.randn(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(step))
        losses = []
        for module, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            loss = functional.cross_entropy(module(inputs), torch.tensor([0, 1, 2, 0]))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for mine, other in pairs:
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-5)
    expected = theirs.merge_and_unload().state_dict()
    for key, tensor in merged(network).items():
        torch.testing.assert_close(tensor, expected[key], rtol=1e-3, atol=1e-5)


def test_the_catalogue_knows_what_every_backbone_takes() -> None:
    for card in BACKBONES.values():
        assert all(group.lora_unit > 0 for group in card.groups), card.name
        assert sum(group.blocks for group in card.groups) >= 4, card.name
        assert sum(group.bias_params for group in card.groups) > 0
        assert all(0 <= group.norm_params <= group.params for group in card.groups)
