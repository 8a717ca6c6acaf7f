"""The playbook's table, line by line, and what the numbers mean in its words."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from tlcore.advice import RULES, Compute, Shift, Situation, advise
from tlcore.advice.rules import ANY_SIZE
from tlcore.advice.situation import FAR, FEW_CORES, LANDMARKS, LARGE, SMALL, compute_of, landmark, shift_of, size_of
from tlcore.data.catalogue import DATASETS
from tlcore.strategies import STRATEGIES

EVERY = [Situation(*three) for three in itertools.product(ANY_SIZE, get_args(Shift), get_args(Compute))]


@pytest.mark.parametrize(
    ("size", "shift", "compute", "first"),
    [
        ("small", "low", "low", "linear-probe"),
        ("small", "high", "low", "gradual"),
        ("small", "high", "high", "gradual"),
        ("medium", "low", "medium", "top-two-groups"),
        ("medium", "high", "low", "top-two-groups"),
        ("large", "low", "high", "full"),
        ("large", "high", "high", "full"),
        ("large", "high", "low", "lora"),
    ],
)
def test_the_playbooks_own_lines(size: str, shift: str, compute: str, first: str) -> None:
    found = advise(Situation(size, shift, compute))
    assert found[0].strategy == first
    assert found[0].rule.from_playbook


@pytest.mark.parametrize("compute", get_args(Compute))
@pytest.mark.parametrize("size", ANY_SIZE)
def test_with_little_to_compute_adapters_are_always_among_the_advice(size: str, compute: str) -> None:
    names = [advice.strategy for advice in advise(Situation(size, "high", compute))]
    assert ("lora" in names) == ("adapters" in names) == (compute == "low")


@pytest.mark.parametrize("situation", EVERY, ids=str)
def test_there_is_advice_for_every_situation_and_the_probe_is_in_it(situation: Situation) -> None:
    names = [advice.strategy for advice in advise(situation)]
    assert len(names) >= 2 or names == ["linear-probe"]
    assert len(set(names)) == len(names)
    assert "linear-probe" in names


def test_without_labels_there_is_none() -> None:
    assert advise(Situation("none", "low", "high")) == ()


def test_every_rule_names_presets_that_exist_and_says_why() -> None:
    for rule in RULES:
        assert rule.strategies
        assert set(rule.strategies) <= set(STRATEGIES)
        assert rule.why.endswith(".")


def test_what_the_numbers_mean() -> None:
    assert [size_of(n) for n in (0, 1, SMALL - 1, SMALL, LARGE - 1, LARGE)] == [
        "none", "small", "small", "medium", "medium", "large",
    ]  # fmt: skip
    assert [shift_of(d) for d in (0.0, FAR - 0.01, FAR, 1.0)] == ["low", "low", "high", "high"]
    assert [compute_of(FEW_CORES, gpu=False), compute_of(FEW_CORES + 1, gpu=False)] == ["low", "medium"]
    assert compute_of(1, gpu=True) == "high"


def test_a_distance_is_told_by_another_dataset_that_is_about_as_far() -> None:
    assert set(LANDMARKS) <= set(DATASETS)
    assert landmark(0.07) == "cifar10"
    assert landmark(0.07, besides="cifar10") in ("natural-photos", "fashion-mnist")
    assert landmark(0.9, besides="chest-xray") == "digits"
    assert [name for name, measured in LANDMARKS.items() if shift_of(measured) == "low"] == [
        "natural-photos", "cifar10", "fashion-mnist",
    ]  # fmt: skip
