"""Adapters in training: what should move moves and nothing else, what lies below them is computed once, and files keep them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tiny import CLASSES, SIDE, Training, cut_in, tiny_network

from tlcore.models.adapters import insert, merged
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.phases import Gradual
from tlcore.strategies.rates import Uniform
from tlcore.strategies.scope import BitFit, HeadOnly, LoRA, NormOnly
from tlcore.training.fit import fit
from tlcore.training.weights import save_weights

HEAD = {"head.weight", "head.bias"}
NORMS = {f"{group}.1.{tensor}" for group in ("stem", "middle", "top") for tensor in ("weight", "bias")}
BIASES = {f"{group}.{layer}.bias" for group in ("stem", "middle", "top") for layer in (0, 1)}
TOP_ADAPTER = {f"top.0.low_rank.{part}.weight" for part in ("up", "down")}


def strategy(scope) -> Strategy:
    return Strategy(scope=scope, rates=Uniform(body_lr_mult=1.0))


def run(training: Training) -> set[str]:
    """Train to the end; the names of the parameters and buffers that are no longer bit for bit what they were."""
    module = training.state.network.module
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for _ in fit(training.state, training.setup):
        pass
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


@pytest.mark.parametrize(
    ("scope", "moves"),
    [
        (NormOnly(), NORMS | HEAD),
        (NormOnly(from_group="middle"), {name for name in NORMS if "stem" not in name} | HEAD),
        (BitFit(), BIASES | HEAD),
        (LoRA(rank=2), {name.replace("top", group) for group in ("stem", "middle", "top") for name in TOP_ADAPTER} | HEAD),
        (LoRA(rank=2, dropout=0.3, from_group="top"), TOP_ADAPTER | HEAD),
    ],
    ids=lambda value: f"{value.kind} from {value.from_group}" if hasattr(value, "kind") else "",
)
def test_only_what_should_move_moves(training, scope, moves: set[str]) -> None:
    trained = training(strategy(scope), epochs=2)
    assert run(trained) == moves
    assert set(trained.state.movable) == moves
    assert trained.setup.plan.trainable_params == sum(tensor.numel() for tensor in trained.state.movable.values())


def test_batchnorm_statistics_follow_where_that_was_asked_for(training) -> None:
    moved = run(training(strategy(LoRA(rank=2, from_group="top", batchnorm="trained")), epochs=1))
    statistics = {f"top.1.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}
    assert moved == TOP_ADAPTER | HEAD | statistics


def test_below_the_lowest_adapter_everything_is_computed_once(training) -> None:
    chosen = strategy(LoRA(rank=2, from_group="top"))
    plain, cut = training(chosen, epochs=2, augment=False), cut_in(training(chosen, epochs=2, augment=False))
    assert cut.setup.route(cut.state).group == "top"
    assert "train" in cut.setup.route(cut.state).rows
    assert run(plain) == run(cut)
    for event, other in zip(plain.state.history, cut.state.history, strict=True):
        assert event["val"]["loss"] == pytest.approx(other["val"]["loss"], rel=1e-4)
    # What is kept is the plain network's: a head alone with a cut there looks the same rows up.
    below = cut.setup.route(cut.state).frozen.cuts.digest("top")
    probe = cut_in(training("last-group", epochs=2, augment=False))
    assert probe.setup.route(probe.state).frozen.cuts.digest("top") == below


def test_adapters_thawed_group_by_group_train_on_kept_rows_as_on_the_whole_network(training) -> None:
    chosen = Strategy(scope=LoRA(rank=2), phases=Gradual(), rates=Uniform(body_lr_mult=1.0))
    plain, cut = training(chosen, epochs=4, augment=False), cut_in(training(chosen, epochs=4, augment=False))
    assert [getattr(route, "group", None) for route in cut.setup.routes] == ["head", "top", "middle", None]
    assert run(plain) == run(cut) == set(plain.state.movable)
    for event, other in zip(plain.state.history, cut.state.history, strict=True):
        assert event["val"]["loss"] == pytest.approx(other["val"]["loss"], rel=1e-4)


def test_a_head_trained_before_adapters_leaves_them_alone(training) -> None:
    assert run(training(strategy(HeadOnly()), epochs=1)) == HEAD


def test_saved_weights_hold_the_adapters_and_load_into_a_fresh_network(training, tmp_path: Path) -> None:
    trained = training(strategy(LoRA(rank=2, from_group="top")), epochs=2)
    run(trained)
    file = tmp_path / "weights.safetensors"
    spec = RunSpec(dataset="digits", strategy=strategy(LoRA(rank=2, from_group="top")))
    save_weights(file, trained.state, spec, CLASSES)
    kept = load_file(file)
    assert set(kept) == TOP_ADAPTER | HEAD
    with safe_open(file, framework="pt") as opened:
        scope = LoRA.model_validate(json.loads(opened.metadata()["scope"]))
    fresh = tiny_network()
    insert(fresh, scope, seed=99, image_size=SIDE)
    missing, unexpected = fresh.module.load_state_dict(kept, strict=False)
    assert not unexpected
    assert "top.0.low_rank.up.weight" not in missing
    pictures = torch.randn(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    plain = tiny_network()
    plain.module.load_state_dict(merged(fresh))
    with torch.inference_mode():
        expected = trained.state.network.module.eval()(pictures)
        assert torch.equal(fresh.module.eval()(pictures), expected)
        torch.testing.assert_close(plain.module.eval()(pictures), expected)


def test_drift_is_of_the_product_relative_to_all_weights_of_the_group(training) -> None:
    trained = training(strategy(LoRA(rank=2, alpha=6.0, from_group="top")), epochs=1)
    assert trained.state.drift()["top"] == 0.0
    run(trained)
    module, adapter = trained.state.network.module, trained.state.network.module.top[0].low_rank
    change = torch.einsum("orhw,rikl->oikl", adapter.up.weight, adapter.down.weight).double() * 3.0
    weights = [module.top[0].weight, module.top[0].bias, module.top[1].weight, module.top[1].bias]
    size = sum(weight.detach().double().square().sum() for weight in weights) ** 0.5
    assert trained.state.drift()["top"] == pytest.approx(float(change.detach().norm() / size), rel=1e-5)
    assert trained.state.drift()["stem"] == 0.0
