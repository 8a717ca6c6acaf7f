"""Each detector on real trainings that have the fault, on their like without it, and on what its own remedy makes of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.diagnosis.tiny_runs import changed, found, striped_split, train
from tests.training.tiny import tiny_split
from tlcore.diagnosis import Diagnosis, Finding, diagnose
from tlcore.figures.fold import Event
from tlcore.spec import RunSpec

SLOW_BODY = changed("full", rates={"body_lr_mult": 0.02})
TRAINED = changed("full", scope={"batchnorm": "trained"})
FAST_BODY = changed("lp-ft", phases={"lr_mult": 1.0})
STRIPES = {"train": striped_split(256, 1), "val": striped_split(200, 2)}
RARE = {"train": striped_split(120, 1, rare=10), "val": striped_split(200, 2, rare=10), "batch_size": 32}
LIGHTS = {"train": tiny_split(128, 1), "val": tiny_split(200, 2)}
FEW = {"train": tiny_split(64, 1), "val": tiny_split(200, 2)}

RUNS: dict[str, dict[str, Any]] = {
    "healthy": LIGHTS | {"epochs": 4, "lr": 2e-2, "strategy": SLOW_BODY},
    "probe": LIGHTS | {"epochs": 5, "lr": 1e-2, "strategy": "linear-probe"},
    "gentle": LIGHTS | {"epochs": 6, "lr": 3e-2, "strategy": "lp-ft"},
    "dead": FEW | {"epochs": 3, "lr": 1e-9} | STRIPES,
    "exploding": FEW | {"epochs": 3, "lr": 5.0, "batch_size": 8},
    "diverged": FEW | {"epochs": 4, "lr": 10.0, "optimizer": "sgd", "strategy": changed("full", rates={"body_lr_mult": 1.0})},
    "overshot": LIGHTS | {"epochs": 4, "batch_size": 32, "lr": 1.0},
    "collapsed": RARE | {"epochs": 5, "lr": 3e-2},
    "torn": LIGHTS | {"epochs": 6, "batch_size": 8, "lr": 0.3, "strategy": FAST_BODY},
    "shaken": LIGHTS | {"epochs": 6, "batch_size": 8, "lr": 0.1, "strategy": FAST_BODY},
    "two at a time": FEW | {"epochs": 4, "batch_size": 2, "strategy": TRAINED},
    "many at a time": LIGHTS | {"epochs": 4, "batch_size": 32, "strategy": TRAINED},
    "foreign": STRIPES | {"epochs": 6, "lr": 1e-2, "strategy": "linear-probe"},
    "foreign, unfrozen": STRIPES | {"epochs": 8, "lr": 2e-2, "strategy": FAST_BODY},
    "memorising": {
        "train": tiny_split(24, 1, noise=250.0),
        "val": tiny_split(200, 2, noise=250.0),
        "epochs": 20,
        "batch_size": 8,
        "lr": 3e-2,
        "augment": False,
        "weight_decay": 0.0,
        "strategy": changed("full", rates={"body_lr_mult": 1.0}),
    },
}


@cache
def run(name: str) -> tuple[RunSpec, list[Event]]:
    return train(**RUNS[name])


def diagnosis(name: str) -> Diagnosis:
    return diagnose(*run(name))


def finding(name: str, detector: str) -> Finding:
    (one,) = [found for found in diagnosis(name).findings if found.name == detector]
    return one


@cache
def remedied(name: str, detector: str) -> tuple[RunSpec, list[Event]]:
    """The same training again with the remedy that was recommended."""
    remedy = finding(name, detector).remedy
    assert remedy is not None
    spec = remedy.applied(run(name)[0])
    changed_by_remedies = ("epochs", "lr", "batch_size", "strategy", "class_weights", "augment", "weight_decay")
    fields = {field: getattr(spec, field) for field in changed_by_remedies}
    return train(**(RUNS[name] | fields))


def accuracy(events: list[Event]) -> float:
    return [event for event in events if event["type"] == "epoch"][-1]["val"]["accuracy"]


@pytest.mark.parametrize("name", ["healthy", "probe"])
def test_nothing_is_found_in_a_healthy_run_however_early_it_is_asked(name: str):
    spec, events = run(name)
    assert accuracy(events) > 0.95
    for end in range(len(events) + 1):
        assert found(spec, events[:end]) == {}, f"after {end} events"
    assert {"Exploding loss", "Nothing moves", "One class for every image", "Over-fitting"} <= set(diagnosis(name).clear)


@pytest.mark.parametrize(
    ("name", "detector", "severity"),
    [
        ("dead", "dead-rate", "problem"),
        ("exploding", "exploding-rate", "problem"),
        ("diverged", "exploding-rate", "problem"),
        ("overshot", "overshoot", "info"),  # in this easy task it comes back: test_recorded.py has some that do not
        ("collapsed", "collapse", "problem"),
        ("torn", "drop-after-unfreezing", "warning"),  # the weights kept are those from before
        ("shaken", "drop-after-unfreezing", "info"),
        ("two at a time", "unstable-batchnorm", "warning"),
        ("foreign", "head-plateau", "warning"),
        ("memorising", "over-fitting", "warning"),
        ("foreign, unfrozen", "forgetting", "info"),
    ],
)
def test_a_run_with_the_fault_is_told_so(name: str, detector: str, severity: str):
    one = finding(name, detector)
    assert one.severity == severity
    assert one.remedy is not None
    assert one.remedy.applied(run(name)[0]) != run(name)[0]
    assert any(letter.isdigit() for letter in one.seen)


@pytest.mark.parametrize("name", ["dead", "exploding", "diverged", "torn", "foreign"])
def test_one_fault_is_told_once(name: str):
    assert len(diagnosis(name).findings) == 1


@pytest.mark.parametrize(
    ("name", "detector"),
    [
        ("gentle", "drop-after-unfreezing"),
        ("torn", "overshoot"),  # what comes later is an unfreezing's
        ("many at a time", "unstable-batchnorm"),
        ("probe", "head-plateau"),
        ("foreign, unfrozen", "head-plateau"),
        ("foreign, unfrozen", "drop-after-unfreezing"),
        ("healthy", "forgetting"),
        ("gentle", "over-fitting"),
        ("memorising", "unstable-batchnorm"),
        ("memorising", "exploding-rate"),
        ("collapsed", "dead-rate"),
    ],
)
def test_its_like_without_the_fault_is_not(name: str, detector: str):
    assert detector not in found(*run(name))


@pytest.mark.parametrize(
    ("name", "detector"),
    [
        ("dead", "dead-rate"),
        ("exploding", "exploding-rate"),
        ("overshot", "overshoot"),
        ("torn", "drop-after-unfreezing"),
        ("two at a time", "unstable-batchnorm"),
        ("collapsed", "collapse"),
        ("foreign", "head-plateau"),
    ],
)
def test_the_remedy_removes_the_fault(name: str, detector: str):
    assert detector not in found(*remedied(name, detector))


def test_frozen_batchnorm_and_a_slower_body_are_better_and_unfreezing_is_what_the_head_lacked():
    """What the findings claim, measured: not only is the fault gone, the accuracy of the training itself is up."""
    trained = [[event for event in events if event["type"] == "epoch"][-1]["train"]["accuracy"] for events in (
        run("two at a time")[1], remedied("two at a time", "unstable-batchnorm")[1],
    )]  # fmt: skip
    assert trained[1] > trained[0] + 0.15
    assert accuracy(remedied("torn", "drop-after-unfreezing")[1]) > accuracy(run("torn")[1]) + 0.05
    assert accuracy(run("foreign, unfrozen")[1]) > accuracy(run("foreign")[1]) + 0.3


def test_augmentation_keeps_the_validation_loss_of_a_memoriser_down():
    """It goes on memorising, but no longer at the cost of new images."""
    spec, events = remedied("memorising", "over-fitting")
    assert spec.augment
    assert found(spec, events).get("over-fitting") != "warning"
    before, after = ([e for e in told if e["type"] == "epoch"][-1]["val"]["loss"] for told in (run("memorising")[1], events))
    assert after < 0.8 * before


def test_a_run_that_goes_wrong_is_told_so_while_it_lives():
    spec, events = run("torn")
    ends = [place + 1 for place, event in enumerate(events) if event["type"] == "epoch"]
    assert [found(spec, events[:end]) for end in ends[:4]] == [{}, {}, {}, {"drop-after-unfreezing": "problem"}]
    spec, events = run("exploding")
    first_epoch = next(place for place, event in enumerate(events) if event["type"] == "epoch")
    assert found(spec, events[:first_epoch]) == {"exploding-rate": "problem"}  # before the first epoch has ended


def test_over_fitting_is_told_only_once_it_shows():
    spec, events = run("memorising")
    ends = [place + 1 for place, event in enumerate(events) if event["type"] == "epoch"]
    said = ["over-fitting" in found(spec, events[:end]) for end in ends]
    losses = [events[end - 1]["val"]["loss"] for end in ends]
    assert not any(said[: losses.index(min(losses)) + 2])
    assert all(said[-5:])
    sentence = finding("memorising", "over-fitting").seen
    assert f"{min(losses):.3f} to {losses[-1]:.3f}" in sentence
    assert "of the 200 validation images" in sentence
