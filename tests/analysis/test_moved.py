"""What moved, by hand on the tiny network: each quantity where it is known, and the network left as it was."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.training.tiny import tiny_network, tiny_split
from tlcore.analysis.drawn import draws
from tlcore.analysis.fisher_trace import fisher_trace
from tlcore.analysis.moved import (
    INTERVAL,
    NOT_FINITE,
    OTHER_HEAD,
    QUANTITIES,
    activation_drift,
    activation_drift_intervals,
    batchnorm_drift,
    moved,
    relative_gradient,
    weight_drift,
)
from tlcore.analysis.undefined import Undefined
from tlcore.data.load import Split
from tlcore.errors import Cancelled, SpecError
from tlcore.models.network import Network
from tlcore.strategies import compile_plan, preset
from tlcore.training.fit import fit
from tlcore.training.machine import choose
from tlcore.training.setup import Setup
from tlcore.training.state import State

GROUPS = ["stem", "middle", "top", "head"]


def _pair() -> tuple[Network, Network]:
    return tiny_network(), tiny_network()


def _pictures(split: Split) -> torch.Tensor:
    return (torch.from_numpy(split.images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25


# --- weights


def test_weights_half_as_large_again_have_drifted_by_a_half() -> None:
    before, after = _pair()
    with torch.no_grad():
        for _, parameter in after.parameters("middle"):
            parameter *= 1.5
        after.module.top[0].weight *= -1
    drifts = weight_drift(before, after)
    assert list(drifts) == GROUPS
    assert drifts["middle"] == pytest.approx(0.5, rel=1e-6)
    assert drifts["stem"] == drifts["head"] == 0
    top = [parameter.square().sum().item() for _, parameter in before.parameters("top")]
    assert drifts["top"] == pytest.approx(2 * math.sqrt(top[0] / sum(top)), rel=1e-6)


@pytest.mark.parametrize("batchnorm", ["frozen", "trained"])
def test_it_is_what_a_run_says_of_itself(batchnorm: str) -> None:
    before, network = _pair()
    full = preset("full")
    strategy = full.model_copy(update={"scope": full.scope.model_copy(update={"batchnorm": batchnorm})})
    plan = compile_plan(strategy, network.groups, epochs=1, lr=1e-2)
    machine, split = choose("cpu", "float32"), tiny_split(16, 1)
    setup = Setup(
        plan=plan, seed=3, train=split, val=split, classes=("dark", "bright"), machine=machine, batch_size=8, flips=True
    )
    state = State.fresh(network, plan)
    for _ in fit(state, setup):
        pass
    ours = weight_drift(before, network)
    assert ours == pytest.approx(state.drift(), rel=1e-9)
    assert min(ours.values()) > 0
    statistics = [value for group, value in batchnorm_drift(before, network).items() if group != "head"]
    assert min(statistics) > 0 if batchnorm == "trained" else max(statistics) == 0


def test_heads_for_other_classes_cannot_be_compared_and_other_architectures_are_refused() -> None:
    before, after = tiny_network(2), tiny_network(5)
    drifts = weight_drift(before, after)
    assert drifts["head"] is None
    assert drifts["stem"] == 0
    after.module.top[0] = torch.nn.Conv2d(6, 8, 1)
    for compare in (weight_drift, batchnorm_drift):
        with pytest.raises(SpecError, match=r"top\.0\.weight is 8 x 6 x 3 x 3 in the one and 8 x 6 x 1 x 1 in the other"):
            compare(before, after)


# --- activations


def test_the_interval_of_an_activation_drift_is_over_its_images() -> None:
    rng = np.random.default_rng(0)
    old = {"stem": rng.normal(size=(80, 5)), "still": np.ones((80, 2)), "dead": np.zeros((80, 2))}
    new = {"stem": old["stem"] + rng.normal(size=(80, 5)) * rng.random((80, 1)), "still": np.ones((80, 2)), "dead": old["dead"]}
    drawn = draws(80, seed=1)
    found = activation_drift_intervals(old, new, drawn)
    ratios = [
        np.linalg.norm((new["stem"] - old["stem"]).repeat(times, 0)) / np.linalg.norm(old["stem"].repeat(times, 0))
        for times in drawn.astype(int)
    ]
    assert found["stem"] == pytest.approx(list(np.quantile(ratios, [0.025, 0.975])), rel=1e-6)
    assert found["stem"][0] < activation_drift(old, new)["stem"] < found["stem"][1]
    assert (found["still"], found["dead"]) == ([0.0, 0.0], None)


def test_activation_drift_by_hand() -> None:
    old = {
        "stem": np.array([[3.0, 0.0], [0.0, 4.0]]),
        "top": np.ones((2, 1)),
        "dead": np.zeros((2, 2)),
        "gone": np.ones((2, 2)),
    }
    new = {"stem": np.array([[3.0, 1.0], [2.0, 4.0]]), "top": np.ones((2, 1)), "dead": np.ones((2, 2))}
    assert activation_drift(old, new) == {"stem": pytest.approx(math.sqrt(5) / 5), "top": 0.0, "dead": None}
    with pytest.raises(Undefined, match="stem"):
        activation_drift(old, {"stem": np.ones((3, 2))})
    with pytest.raises(Undefined, match="diverged"):
        activation_drift(old, {"stem": np.full((2, 2), np.nan)})


# --- BatchNorm


def test_batchnorm_drift_is_in_standard_deviations() -> None:
    before, after = _pair()
    with torch.no_grad():
        for network in (before, after):
            network.module.stem[1].running_var.fill_(4.0)
        after.module.stem[1].running_mean[0] += 6.0  # three standard deviations, in one channel of four
        after.module.middle[1].running_var.fill_(9 * (1 + 1e-5) - 1e-5)  # from 1: with eps, three times as wide
        after.module.top[1].bias += 5  # a weight, no statistic
    drifts = batchnorm_drift(before, after)
    assert drifts["stem"] == pytest.approx(3 / math.sqrt(4), rel=1e-5)
    assert drifts["middle"] == pytest.approx(2, rel=1e-5)
    assert drifts["top"] == 0
    assert drifts["head"] is None
    assert batchnorm_drift(after, before)["middle"] == pytest.approx(2 / 3, rel=1e-5)  # in those of the one that comes first


# --- gradients


def test_the_relative_gradient_is_the_batch_gradient_by_the_weights() -> None:
    network, split = tiny_network(), tiny_split(12, 4)
    found = relative_gradient(network, split, batch_size=12, seed=0)
    again = tiny_network().module.eval()
    functional.cross_entropy(again(_pictures(split)), torch.from_numpy(split.labels)).backward()
    for group in GROUPS:
        own = list(getattr(again, group).parameters())
        gradient, weight = (math.sqrt(sum(t.double().square().sum().item() for t in ts)) for ts in ([p.grad for p in own], own))
        assert found[group] == pytest.approx(gradient / weight, rel=1e-4)


def test_it_is_the_mean_over_batches_dealt_by_the_seed() -> None:
    network, split = tiny_network(), tiny_split(12, 4)
    found = relative_gradient(network, split, batch_size=5, seed=7)
    order = np.random.default_rng(7).permutation(12)
    parts = [order[:5], order[5:10], order[10:]]
    alone = [
        relative_gradient(network, Split(split.images[p], split.labels[p], ("",) * len(p)), batch_size=9, seed=0) for p in parts
    ]
    for group in GROUPS:
        assert found[group] == pytest.approx(np.mean([one[group] for one in alone]), rel=1e-4)


def test_weights_of_0_have_no_relative_gradient_and_no_images_have_no_gradient() -> None:
    network, split = tiny_network(), tiny_split(6, 4)
    with torch.no_grad():
        for parameter in network.module.head.parameters():
            parameter.zero_()
    found = relative_gradient(network, split, seed=0)
    assert found["head"] is None
    assert found["stem"] == 0  # nothing comes back through a head of 0
    with pytest.raises(Undefined, match="no images"):
        relative_gradient(network, Split(split.images[:0], split.labels[:0], ()), seed=0)


# --- Fisher information


def test_the_trace_of_a_linear_head_is_the_closed_form() -> None:
    """For weight (k, j) F is the mean of x_j² p_k (1 - p_k), for bias k that of p_k (1 - p_k)."""
    network = tiny_network(3)
    tiny = network.module.eval()
    with torch.no_grad():
        tiny.head.weight *= 4
        x = tiny.top(tiny.middle(tiny.stem(_pictures(tiny_split(5, 8))))).mean((2, 3))
        p = tiny.head(x).softmax(1)
    exact = ((x.square().sum(1) + 1) * (p * (1 - p)).sum(1)).mean().item()
    many = np.concatenate([tiny_split(5, 8).images] * 120)
    assert fisher_trace(network, many, seed=1)["head"] == pytest.approx(exact, rel=0.1)


def test_the_seed_decides_the_labels_and_progress_is_told() -> None:
    network, images, told = tiny_network(), tiny_split(7, 2).images, []
    first = fisher_trace(network, images, seed=1, progress=lambda *what: told.append(what))
    assert list(first) == GROUPS
    assert min(first.values()) > 0
    assert first == fisher_trace(network, images, seed=1) != fisher_trace(network, images, seed=2)
    assert [what[1:] for what in told] == [(done, 7, "images") for done in range(8)]


# --- all of it


def _like(network: Network) -> tuple[object, ...]:
    module = network.module
    return (
        [child.training for child in module.modules()],
        [(p.requires_grad, p.grad) for p in module.parameters()],
        {name: tensor.sum().item() for name, tensor in module.state_dict().items()},
        [len(child._forward_hooks) + len(child._backward_hooks) for child in module.modules()],
    )


def test_the_networks_are_left_as_they_were_whatever_happens() -> None:
    network, split = tiny_network(), tiny_split(6, 2)
    network.module.train()
    network.module.middle.eval()
    network.module.stem[0].weight.requires_grad_(False)
    before = _like(network)
    moved(network, tiny_network(), split, seed=0)
    assert _like(network) == before

    def stop(what: str, done: int, total: int, unit: str) -> None:
        if done:
            raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        fisher_trace(network, split.images, seed=0, progress=stop)
    assert _like(network) == before
    with pytest.raises(Cancelled):
        relative_gradient(network, split, seed=0, progress=stop)
    assert _like(network) == before


def test_a_row_for_each_group_bottom_to_top_with_a_reason_for_what_it_lacks() -> None:
    before, after, split = tiny_network(5), tiny_network(2), tiny_split(8, 2)
    with torch.no_grad():
        after.module.stem[0].weight *= 2
    features = {"stem": np.ones((8, 4)), "middle": np.ones((8, 6))}
    rows = moved(before, after, split, features=(features, {**features, "stem": 3 * features["stem"]}), fisher_images=4, seed=0)
    assert list(rows) == GROUPS
    assert json.loads(json.dumps(rows)) == rows
    for row in rows.values():
        assert set(row) == {*QUANTITIES, INTERVAL, "why"}
        assert set(row["why"]) == {what for what in QUANTITIES if row[what] is None}
    assert rows["stem"]["activation_drift"] == 2
    assert rows["stem"]["why"] == {}
    assert set(rows["head"]["why"]) == {"weight_drift", "activation_drift", "batchnorm_drift"}
    assert rows["head"]["why"]["batchnorm_drift"] == "There is no BatchNorm in head."

    few = moved(before, after, split, gradient_images=3, fisher_images=3, seed=1)
    drawn = np.sort(np.random.default_rng(1).permutation(8)[:3])
    those = Split(split.images[drawn], split.labels[drawn], ("",) * 3)
    assert few["top"]["gradient_after"] == relative_gradient(after, those, seed=1)["top"]
    assert few["top"]["fisher_after"] == fisher_trace(after, those.images, seed=1)["top"]

    other_way = moved(after, before, tiny_split(8, 2), fisher_images=4, seed=0)
    assert other_way["stem"]["why"].keys() == {"activation_drift"}
    labels = np.full(8, 4)
    too_many = moved(before, after, Split(split.images, labels, split.ids), fisher_images=4, seed=0)
    assert too_many["stem"]["gradient_before"] > 0
    assert too_many["stem"]["gradient_after"] is None
    assert "does not know the classes" in too_many["stem"]["why"]["gradient_after"]


def test_a_head_that_is_not_the_networks_own_is_not_asked_and_nothing_is_never_finite() -> None:
    before, after, split = *_pair(), tiny_split(8, 2)
    with torch.no_grad():
        after.module.middle[0].weight[0] = torch.nan
    rows = moved(before, after, split, fisher_images=4, own_heads=(True, False), seed=0)
    json.dumps(rows, allow_nan=False)
    for row in rows.values():
        assert row["gradient_before"] > 0
        assert row["fisher_before"] > 0
        assert row["gradient_after"] is None
        assert row["why"]["gradient_after"] == row["why"]["fisher_after"] == OTHER_HEAD
    assert rows["middle"]["weight_drift"] is None
    assert rows["middle"]["why"]["weight_drift"] == NOT_FINITE
    assert rows["top"]["weight_drift"] == 0
