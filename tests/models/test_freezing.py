"""Frozen means bit-identical, parameters and buffers; on every catalogued backbone."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.models.catalogue import BACKBONES
from tlcore.models.freezing import apply_phase, changed, drift, set_modes, state_of
from tlcore.models.network import Network, build
from tlcore.strategies import Phase, compile_plan
from tlcore.strategies.phases import HeadThenBody
from tlcore.strategies.rates import Uniform
from tlcore.strategies.scope import All, HeadOnly, Top, Window
from tlcore.strategies.strategy import Strategy


def _network(name: str) -> Network:
    card = BACKBONES[name]
    size = max(card.min_image_size, 64 // card.image_size_multiple * card.image_size_multiple)
    return build(name, classes=3, start="random", weights=None, seed=0, image_size=size)


def _size(name: str) -> int:
    card = BACKBONES[name]
    return max(card.min_image_size, 64 // card.image_size_multiple * card.image_size_multiple)


def _phase(network: Network, strategy: Strategy, index: int = 0) -> Phase:
    return compile_plan(strategy, network.groups, epochs=2, lr=0.1).phases[index]


def _step(network: Network, images: torch.Tensor) -> None:
    """One step of plain gradient descent on whatever may move, away from the true labels: the gradient is never zero."""
    moving = [parameter for parameter in network.module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(moving, lr=0.1, weight_decay=0.01)
    F.cross_entropy(network.module(images), torch.tensor([0, 2])).backward()
    optimizer.step()


def _moved(network: Network, before: dict[str, torch.Tensor]) -> dict[str, set[str]]:
    """For each group the names of its parameters and buffers that are no longer bit for bit what they were."""
    moved: dict[str, set[str]] = {group.name: set() for group in network.groups}
    for name, tensor in [*network.module.named_parameters(), *network.module.named_buffers()]:
        if not torch.equal(tensor.detach(), before[name]):
            moved[network.partition.tensors[name]].add(name)
    return moved


def _snapshot(network: Network) -> dict[str, torch.Tensor]:
    tensors = [*network.module.named_parameters(), *network.module.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in tensors}


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_frozen_groups_stay_bit_identical_and_the_others_move(name: str) -> None:
    network = _network(name)
    torch.manual_seed(0)
    images = torch.randn(2, 3, _size(name), _size(name))
    strategies = [
        (Strategy(scope=HeadOnly()), 0),
        (Strategy(scope=Window(first="middle", last="middle")), 0),
        (Strategy(scope=Top(count=1, batchnorm="trained"), phases=HeadThenBody()), 1),
    ]
    for strategy, index in strategies:
        phase = _phase(network, strategy, index)
        network.module.train()  # as anybody might have done
        apply_phase(network, phase)
        before = _snapshot(network)
        _step(network, images)
        moved = _moved(network, before)
        for group in network.groups:
            names = moved[group.name]
            statistics = {tensor for tensor in names if "running_" in tensor or "num_batches" in tensor}
            if not phase.trains(group.name):
                assert not names
                continue
            weights = [tensor for tensor, parameter in network.parameters(group.name) if parameter.ndim > 1]
            assert set(weights) <= names
            assert bool(statistics) == (phase.batchnorm[group.name] == "train" and group.batchnorms > 0)


def test_freezing_by_requires_grad_alone_would_not_hold() -> None:
    network = _network("resnet18")
    phase = _phase(network, Strategy(scope=HeadOnly()))
    apply_phase(network, phase)
    network.module.train()
    before = _snapshot(network)
    _step(network, torch.randn(2, 3, 64, 64))
    assert _moved(network, before)["stem"] == {"bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked"}


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "vit_tiny_patch16_224", "densenet121"])
def test_modes(name: str) -> None:
    network = _network(name)
    for strategy in (
        Strategy(scope=HeadOnly()),
        Strategy(scope=Top(count=2)),
        Strategy(scope=Top(count=2, batchnorm="trained")),
        Strategy(scope=All()),
        Strategy(scope=All(batchnorm="trained")),
    ):
        phase = _phase(network, strategy)
        apply_phase(network, phase)
        for scramble in (network.module.train, network.module.eval, lambda: None):
            scramble()
            set_modes(network, phase)
            for group in network.groups:
                for module in network.modules(group.name):
                    expected = phase.trains(group.name)
                    if isinstance(module, _BatchNorm):
                        expected = expected and phase.batchnorm[group.name] == "train"
                    assert module.training is expected
                assert all(
                    parameter.requires_grad is phase.trains(group.name) for _, parameter in network.parameters(group.name)
                )
        everything = all(phase.trains(group.name) for group in network.groups)
        assert network.module.training is everything


def test_dropout_of_a_frozen_group_does_not_draw() -> None:
    network = _network("vit_tiny_patch16_224")
    network.module.blocks[0].mlp.drop1.p = 0.5
    images = torch.randn(2, 3, 64, 64)
    apply_phase(network, _phase(network, Strategy(scope=Top(count=1))))
    assert torch.equal(network.module(images), network.module(images))
    apply_phase(network, _phase(network, Strategy(scope=All())))
    assert not torch.equal(network.module(images), network.module(images))


def test_a_batchnorm_in_eval_mode_still_trains_its_weight_and_bias() -> None:
    network = _network("resnet18")
    apply_phase(network, _phase(network, Strategy(scope=Top(count=1))))
    before = _snapshot(network)
    _step(network, torch.randn(2, 3, 64, 64))
    moved = _moved(network, before)["stage 4"]
    assert {"layer4.1.bn2.weight", "layer4.1.bn2.bias"} <= moved
    assert not any("running" in name for name in moved)


def test_a_group_that_is_frozen_again_keeps_no_gradient() -> None:
    network = _network("resnet18")
    apply_phase(network, _phase(network, Strategy(scope=All())))
    _step(network, torch.randn(2, 3, 64, 64))
    apply_phase(network, _phase(network, Strategy(scope=HeadOnly())))
    assert all(
        (parameter.grad is None) == (name not in ("fc.weight", "fc.bias"))
        for name, parameter in network.module.named_parameters()
    )


def test_state_and_changed_tensors() -> None:
    network = _network("tf_efficientnet_lite0")
    initial = state_of(network)
    assert set(initial) == set(network.module.state_dict())
    assert set(state_of(network, ["head"])) == {"classifier.weight", "classifier.bias"}
    assert changed(network, initial) == {}
    with torch.no_grad():
        network.module.bn2.running_mean.add_(1)
        network.module.classifier.bias.add_(1)
    assert set(changed(network, initial)) == {"bn2.running_mean", "classifier.bias"}
    assert initial["classifier.bias"].eq(0).all(), "a copy, not a view"
    swin = _network("swin_tiny_patch4_window7_224")
    assert not any("relative_position_index" in name for name in state_of(swin))


def test_drift_by_hand() -> None:
    network = _network("resnet18")
    with torch.no_grad():
        for _, parameter in network.parameters("head"):
            parameter.zero_()
        for _, parameter in network.parameters("stem"):
            parameter.fill_(2.0)
    initial = state_of(network)
    assert set(drift(network, initial).values()) == {0.0}
    with torch.no_grad():
        for _, parameter in network.parameters("stem"):
            parameter.fill_(2.5)
        network.module.fc.bias.copy_(torch.tensor([3.0, 4.0, 0.0]))
        network.module.bn1.running_mean.add_(100)  # a statistic, not a weight
    measured = drift(network, initial)
    assert measured["stem"] == pytest.approx(0.25, rel=1e-12)
    assert measured["head"] == pytest.approx(5.0, rel=1e-12)  # nothing to compare with: the distance itself
    assert measured["stage 1"] == 0.0


def test_lp_ft_goes_from_the_head_to_everything() -> None:
    network = _network("mobilenetv3_small_100")
    strategy = Strategy(scope=All(), phases=HeadThenBody(), rates=Uniform(body_lr_mult=1.0))
    plan = compile_plan(strategy, network.groups, epochs=2, lr=0.1)
    initial = state_of(network)
    images = torch.randn(2, 3, 64, 64)
    apply_phase(network, plan.phases[0])
    _step(network, images)
    assert {group for group, value in drift(network, initial).items() if value > 0} == {"head"}
    apply_phase(network, plan.phases[1])
    _step(network, images)
    assert all(value > 0 for value in drift(network, initial).values())
