"""A head that is solved: the minimum that scikit-learn finds, and that mini-batches come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tiny import CLASSES, Training, cut_in, tiny_split

from tlcore.training.checkpoint import Identity, load_checkpoint, save_checkpoint
from tlcore.training.evaluate import predict
from tlcore.training.fit import fit

DECAY = 1e-3
THREE = (*CLASSES, "odd")


@pytest.fixture(autouse=True)
def _setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shelf of its own; and the network is left as the last epoch left it, whichever was the best."""
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("tlcore.training.state.State.restore_best", lambda state: None)


def _probe(training, solver: str = "auto", *, views: int = 1, **fields: object) -> Training:
    classes = fields.get("classes", CLASSES)
    train = tiny_split(90, 1)
    labels = np.where(np.random.default_rng(0).random(90) < 0.2, len(classes) - 1, train.labels)  # uneven, and not separable
    options = {"epochs": 8, "augment": views > 1, "weight_decay": DECAY, "train": replace(train, labels=labels)}
    run = training("linear-probe", **(options | {"val": tiny_split(40, 5)} | fields))
    return cut_in(run, head_solver=solver, views=views)


def _epochs(run: Training) -> list[dict]:
    return [event for event in fit(run.state, run.setup) if event["type"] == "epoch"]


def _answers(run: Training) -> np.ndarray:
    return predict(run.setup.routes[0], "val", batch_size=16)


def _scikit_learns(run: Training, **options: object) -> np.ndarray:
    """Its objective is C times the sum of the losses plus half the squared norm. A softmax of two classes has two weight
    vectors of opposite sign, which share the norm of its one: C is then twice as large."""
    (route,) = run.setup.routes
    features, pictures = route.all_features()
    shared = 2 if len(run.setup.classes) == 2 else 1
    model = LogisticRegression(C=shared / (len(pictures) * DECAY), tol=1e-9, max_iter=10_000, **options)
    model.fit(features.double().numpy(), run.setup.train.labels[pictures])
    (rows,) = route.rows["val"]
    return model.predict_proba(rows.take(np.arange(len(rows))).astype(np.float64))


@pytest.mark.parametrize("classes", [CLASSES, THREE])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("views", [1, 3])
def test_it_finds_the_minimum_that_scikit_learn_finds(training, classes: tuple[str, ...], balanced: bool, views: int) -> None:
    run = _probe(training, classes=classes, class_weights=balanced, views=views)
    assert run.setup.solved == (True,)
    epochs = _epochs(run)
    expected = _scikit_learns(run, class_weight="balanced" if balanced else None)
    assert np.abs(_answers(run) - expected).max() < 1e-3
    assert expected[:, 0].std() > 0.01, "the answers must differ for this to say anything"
    other = _scikit_learns(run, class_weight=None if balanced else "balanced")
    assert np.abs(other - expected).max() > 0.02, "and so must weighted and plain ones"
    assert [epoch["step"] for epoch in epochs] == list(range(1, 9))
    assert all(0 <= epoch["train"]["accuracy"] <= 1 for epoch in epochs)


@pytest.mark.slow
def test_many_epochs_of_mini_batches_on_the_same_objective_come_to_the_same_answers(training) -> None:
    """SGD's weight decay is the gradient of the same penalty (AdamW's is not). Within 0.01 after 400 epochs."""
    solved = _probe(training)
    _epochs(solved)
    slow = _probe(training, "minibatch", epochs=400, optimizer="sgd", lr=3.0, batch_size=30)
    assert slow.setup.solved == (False,)
    _epochs(slow)
    assert np.abs(_answers(slow) - _answers(solved)).max() < 0.01


def test_without_decay_on_few_features_it_stays_finite(training) -> None:
    epochs = _epochs(_probe(training, weight_decay=0.0, train=tiny_split(6, 3)))
    assert epochs[-1]["train"]["loss"] < epochs[0]["train"]["loss"] + 1e-6
    assert all(np.isfinite(epoch["val"]["loss"]) for epoch in epochs)


def test_nothing_but_the_head_moves(training) -> None:
    run = _probe(training)
    before = {name: tensor.clone() for name, tensor in run.state.network.module.state_dict().items()}
    _epochs(run)
    moved = {name for name, tensor in run.state.network.module.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {"head.weight", "head.bias"}
    assert all(parameter.grad is None for parameter in run.state.network.module.parameters())


@pytest.mark.slow
def test_stopped_between_two_rounds_it_goes_on_to_the_same_numbers(training, tmp_path: Path) -> None:
    file, identity = tmp_path / "state.safetensors", Identity("s", "d", "w")
    whole = _probe(training)
    losses = [epoch["val"]["loss"] for epoch in _epochs(whole)]
    events = sum(1 for _ in fit(*_pair(_probe(training))))
    for stop in range(0, events, 2):
        killed, resumed = _probe(training), _probe(training)
        for place, _ in enumerate(fit(*_pair(killed))):
            if place == stop:
                save_checkpoint(file, killed.state, identity)
                break
        load_checkpoint(file, resumed.state, resumed.setup, identity)
        _epochs(resumed)
        assert [epoch["val"]["loss"] for epoch in resumed.state.history] == losses, stop
        assert torch.equal(resumed.state.network.module.head.weight, whole.state.network.module.head.weight)


def _pair(run: Training) -> tuple:
    return run.state, run.setup
