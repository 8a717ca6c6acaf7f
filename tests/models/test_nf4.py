"""QLoRA: the base in 4 bits through bitsandbytes, where that is installed; refused by name where it is not."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from torch.nn import functional

from tlcore.errors import SpecError
from tlcore.models.adapters import insert, merged
from tlcore.models.cut import find_cuts
from tlcore.models.freezing import apply_phase, drift
from tlcore.models.network import Network, build
from tlcore.models.nf4 import in_nf4
from tlcore.models.prefix import prefix_of
from tlcore.spec import RunSpec
from tlcore.strategies import compile_plan, packages, preset
from tlcore.strategies.scope import LoRA, QLoRA
from tlcore.training.refuse import refuse_early
from tlcore.training.state import State

HERE = find_spec("bitsandbytes") is not None
needs_it = pytest.mark.skipif(not HERE, reason="bitsandbytes is not installed: tests/requirements.txt has it")
pytestmark = pytest.mark.filterwarnings("ignore")  # of bitsandbytes, where there is no GPU
SIZE = 64
# The 16 values of NF4 (Dettmers et al. 2023, appendix E), to four digits.
NF4 = [-1, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0, 0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1]


def network_of(name: str, scope: QLoRA | LoRA | None = None) -> Network:
    network = build(name, classes=3, start="random", seed=0, image_size=SIZE)
    if scope is not None:
        insert(network, scope, seed=0, image_size=SIZE)
    return network


def pictures() -> torch.Tensor:
    return torch.randn(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def test_without_the_package_it_is_refused_by_name_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"needs the package bitsandbytes, which keeps.*pip install bitsandbytes"):
        refuse_early(RunSpec(dataset="digits", strategy=preset("qlora")))
    network = network_of("resnet18")
    before = set(network.module.state_dict())
    with pytest.raises(SpecError, match="bitsandbytes"):
        insert(network, QLoRA(), seed=0, image_size=SIZE)
    assert set(network.module.state_dict()) == before


@needs_it
@pytest.mark.parametrize(("name", "layer"), [("resnet18", "layer2.0.conv1"), ("vit_tiny_patch16_224", "blocks.2.mlp.fc1")])
def test_each_weight_is_the_nearest_of_16_values_times_its_blocks_largest(name: str, layer: str) -> None:
    base = network_of(name).module.get_submodule(layer).weight.detach()
    kept = network_of(name, QLoRA()).module.get_submodule(layer).weight
    assert kept.shape == base.shape
    blocks = base.flatten().view(-1, 64)
    scales = blocks.abs().amax(1, keepdim=True)
    table = torch.tensor(NF4)
    expected = table[((blocks / scales)[..., None] - table).abs().argmin(-1)] * scales
    agree = torch.isclose(kept.flatten().view(-1, 64), expected, atol=1e-3 * float(scales.max()))
    assert agree.float().mean() > 0.999  # the table is rounded: a weight between two values may go either way


@needs_it
def test_the_base_takes_an_eighth_and_only_adapters_move() -> None:
    network = network_of("resnet18", QLoRA(rank=2))
    assert in_nf4(network.module)
    plain = network_of("resnet18").module.layer4[1].conv2.weight
    codes, scales = (network.module.layer4[1].conv2.get_buffer(f"nf4_{part}") for part in ("codes", "scales"))
    assert codes.nbytes == plain.nbytes // 8
    assert scales.nbytes == codes.nbytes // 8
    plan = compile_plan(preset("qlora").model_copy(update={"scope": QLoRA(rank=2)}), network.groups, epochs=1, lr=0.1)
    state = State.fresh(network, plan)
    apply_phase(network, plan.phases[0])
    moving = [parameter for parameter in network.module.parameters() if parameter.requires_grad]
    assert plan.trainable_params == sum(parameter.numel() for parameter in moving)
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    for name, parameter in network.module.named_parameters():
        if name.endswith(("bn1.weight", "bn2.weight")):
            torch.nn.init.ones_(parameter)
            before[name] = parameter.detach().clone()
    optimizer = torch.optim.SGD(moving, lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        functional.cross_entropy(network.module(pictures()), torch.tensor([0, 1, 2, 0])).backward()
        optimizer.step()
    moved = {name for name, tensor in network.module.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == set(state.movable)
    assert all(0 < value < 10 for value in drift(network, state.start).values())


@needs_it
def test_merged_weights_answer_as_the_adapters_on_4_bits_do() -> None:
    network, plain = network_of("vit_tiny_patch16_224", QLoRA(rank=2)), network_of("vit_tiny_patch16_224")
    with torch.no_grad():
        for module in network.module.modules():
            if hasattr(module, "low_rank"):
                module.low_rank.up.weight.normal_(std=0.02)
    plain.module.load_state_dict(merged(network))
    with torch.inference_mode():
        torch.testing.assert_close(plain.module(pictures()), network.module(pictures()), rtol=1e-3, atol=1e-4)


@needs_it
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_the_cut_holds_and_a_prefix_runs_in_bfloat16(name: str) -> None:
    network = network_of(name, QLoRA(rank=2, from_group="top"))
    cuts = find_cuts(network)
    group = next(group.name for group in network.groups if group.level == "top")
    with torch.inference_mode():
        expected = network.module(pictures())
        (activation,) = cuts.prefix([group])(pictures())
        assert torch.equal(cuts.suffix(group)(activation), expected)
        prefix = prefix_of(cuts, [group], pictures()).in_precision("bfloat16")
        (seen,) = prefix(pictures())
        torch.testing.assert_close(cuts.suffix(group)(seen.float()), expected, rtol=0.2, atol=0.1)
