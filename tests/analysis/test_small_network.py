"""The small network and its training: starts, cuts, what keeps still, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from tlcore.analysis import small_training
from tlcore.analysis.small_network import SmallNetwork
from tlcore.analysis.small_training import Recipe, judge, train
from tlcore.analysis.transferability_plan import CUTS, LAYERS
from tlcore.data.load import Split
from tlcore.errors import Cancelled, Diverged
from tlcore.training.machine import choose

MACHINE = choose("cpu", "float32")
RECIPE = Recipe(epochs=3, lr=3e-3, batch_size=16, order=5)
SIDE = 16


def _stripes(count: int, seed: int) -> Split:
    """Noise with upright stripes (0), level stripes (1) or none (2): nothing that the mean colour would tell."""
    chance = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 3
    wave = 60 * np.where(np.arange(SIDE) % 4 < 2, 1, -1)
    patterns = np.stack([np.tile(wave, (SIDE, 1)), np.tile(wave[:, None], (1, SIDE)), np.zeros((SIDE, SIDE))])
    images = 128 + patterns[labels][..., None] + chance.normal(0, 25, (count, SIDE, SIDE, 3))
    return Split(images.clip(0, 255).astype(np.uint8), labels, tuple(map(str, range(count))))


TRAIN, TEST = _stripes(96, 1), _stripes(60, 2)


def _network(start: int = 0, *, classes: int = 3, batchnorm: bool = False) -> SmallNetwork:
    network = SmallNetwork(classes, batchnorm=batchnorm, start=start)
    MACHINE.place(network)
    return network


def _state(network: SmallNetwork) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _moved(network: SmallNetwork, before: dict[str, torch.Tensor]) -> set[int]:
    """The layers that are not what they were."""
    now = network.state_dict()
    names = {name for name in before if not torch.equal(now[name], before[name])}
    return {int(name.split(".")[1]) for name in names if name.startswith("layers")}


def test_one_start_is_one_network_however_many_classes_there_are() -> None:
    before = torch.random.get_rng_state()
    one, other = _network(7, classes=5), _network(7, classes=4)
    assert torch.equal(before, torch.random.get_rng_state())  # torch's own chance plays no part
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        assert torch.equal(mine[0].weight, theirs[0].weight)
    assert not torch.equal(one.layers[0][0].weight, _network(8).layers[0][0].weight)


def test_the_shape_is_what_the_plan_says() -> None:
    values = torch.zeros(2, 32, 32, 3, dtype=torch.uint8)
    network, side = _network(), 32
    for cut, (channels, stride) in zip(CUTS, LAYERS, strict=True):
        side //= stride
        assert network.below(values, cut).shape == (2, channels, side, side)
    assert network(values).shape == (2, 3)


@pytest.mark.parametrize("cut", [0, *CUTS])
def test_below_and_above_any_cut_are_the_whole(cut: int) -> None:
    network, images = _network(), torch.from_numpy(TEST.images[:4])
    assert torch.allclose(network.above(network.below(images, cut), cut), network(images))


def test_what_is_taken_over_is_the_lowest_layers_alone() -> None:
    source, network = _network(1, classes=5), _network(2)
    before = _state(network)
    network.take_over(source, 3)
    assert _moved(network, before) == {0, 1, 2}
    assert all(torch.equal(network.layers[i][0].weight, source.layers[i][0].weight) for i in range(3))


@pytest.mark.parametrize("batchnorm", [False, True])
@pytest.mark.parametrize("cut", [0, 3, 7])
def test_below_the_cut_nothing_moves_and_above_it_everything_does(cut: int, batchnorm: bool) -> None:
    network = _network(batchnorm=batchnorm)
    before = _state(network)
    train(network, TRAIN, Recipe(1, 1e-3, 16, 0), MACHINE, cut=cut, at_step=lambda: None)
    assert _moved(network, before) == set(range(cut, len(LAYERS)))
    assert not torch.equal(network.head.weight, before["head.weight"])


def test_it_learns_what_the_mean_colour_does_not_tell_and_does_so_again() -> None:
    found = []
    for _ in range(2):
        network = _network()
        first = train(network, TRAIN, Recipe(1, 3e-3, 16, 5), MACHINE, cut=0, at_step=lambda: None)
        network = _network()
        last = train(network, TRAIN, Recipe(8, 3e-3, 16, 5), MACHINE, cut=0, at_step=lambda: None)
        found.append((first, last, *judge(network, TEST, MACHINE)))
    assert found[0] == found[1]
    assert last < first
    assert found[0][2] > 0.9  # a third by chance


def test_what_is_kept_gives_what_is_computed_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = train(_network(), TRAIN, RECIPE, MACHINE, cut=2, at_step=lambda: None)
    monkeypatch.setattr(small_training, "KEPT_BYTES", 0)
    computed = train(_network(), TRAIN, RECIPE, MACHINE, cut=2, at_step=lambda: None)
    assert kept == pytest.approx(computed, rel=1e-4)


def test_a_head_alone_is_brought_to_its_minimum() -> None:
    """scikit-learn's logistic regression has the same objective, times the number of images, and penalises the matrix alone."""
    network = _network()
    found = train(network, TRAIN, RECIPE, MACHINE, cut=7, at_step=lambda: None)
    with torch.no_grad():
        features = network.below(torch.from_numpy(TRAIN.images), 7).mean((2, 3)).double().numpy()
    theirs = LogisticRegression(C=1 / (small_training.WEIGHT_DECAY * len(TRAIN)), tol=1e-8, max_iter=20_000)
    theirs.fit(features, TRAIN.labels)
    assert found == pytest.approx(log_loss(TRAIN.labels, theirs.predict_proba(features)), rel=0.02)
    assert np.array_equal(network(torch.from_numpy(TRAIN.images)).argmax(1).numpy(), theirs.predict(features))


def test_judging_counts_by_hand() -> None:
    network = _network()
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.copy_(torch.tensor([0.0, 1.0, 0.0]))
    share, loss = judge(network, TEST, MACHINE)
    assert share == pytest.approx(1 / 3)  # it always says 1
    total = 2 + np.e
    assert loss == pytest.approx(-(2 * np.log(1 / total) + np.log(np.e / total)) / 3, rel=1e-5)


def test_it_can_be_stopped_before_any_step() -> None:
    calls = []

    def stop() -> None:
        calls.append(None)
        if len(calls) == 4:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        train(_network(), TRAIN, RECIPE, MACHINE, cut=5, at_step=stop)
    assert len(calls) == 4


def test_a_loss_that_is_no_number_is_told() -> None:
    network = _network()
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))
    with pytest.raises(Diverged):
        train(network, TRAIN, RECIPE, MACHINE, cut=6, at_step=lambda: None)
