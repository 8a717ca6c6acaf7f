"""Scopes that move a part of a group, or new weights beside it: which groups, how many weights, and what is refused."""

from __future__ import annotations

import pytest

from tlcore.errors import SpecError
from tlcore.groups import Group
from tlcore.strategies import Plan, Strategy, compile_plan, preset
from tlcore.strategies import packages as needed
from tlcore.strategies.phases import Gradual
from tlcore.strategies.scope import All, BitFit, Bottleneck, LoRA, NormOnly, QLoRA

# params, BatchNorms, norm weights, biases, LoRA per unit of rank, left out, blocks, their channels
GROUPS = (
    Group("stem", "bottom", 100, 1, 0, 0, 10, 0, 0, 0),
    Group("stage 1", "middle", 200, 2, 16, 8, 20, 1, 2, 12),
    Group("stage 2", "top", 400, 2, 32, 16, 40, 0, 3, 24),
    Group("head", "head", 20),
)
BARE = (Group("a", "bottom", 1), Group("b", "middle", 1), Group("c", "top", 1), Group("head", "head", 2))
PARTS = (NormOnly(), BitFit(), LoRA(), QLoRA(), Bottleneck())


def plan_of(scope, **options) -> Plan:
    return compile_plan(Strategy(scope=scope, **options), GROUPS, epochs=4, lr=1.0)


@pytest.mark.parametrize(
    ("scope", "groups", "added", "trainable"),
    [
        (NormOnly(), ("stage 1", "stage 2"), 0, 16 + 32 + 20),
        (BitFit(), ("stage 1", "stage 2"), 0, 8 + 16 + 20),
        (LoRA(rank=3), ("stem", "stage 1", "stage 2"), 3 * 70, 3 * 70 + 20),
        (QLoRA(rank=3, from_group="top"), ("stage 2",), 3 * 40, 3 * 40 + 20),
        # each of 5 blocks: C x 4 and 4 down, 4 x C and C up; channels 36 in all
        (Bottleneck(width=4), ("stage 1", "stage 2"), 4 * (2 * 36 + 5) + 36, 4 * (2 * 36 + 5) + 36 + 20),
        (LoRA(from_group="stage 1"), ("stage 1", "stage 2"), 8 * 60, 8 * 60 + 20),
    ],
)
def test_the_weights_that_move_are_counted(scope, groups, added, trainable) -> None:
    plan = plan_of(scope)
    (phase,) = plan.phases
    assert tuple(name for name in phase.rates if phase.trains(name)) == (*groups, "head")
    assert phase.moves == scope.moves
    assert plan.total_params == 720 + added
    assert plan.trainable_params == trainable
    assert Plan.from_dict(plan.as_dict()) == plan
    assert sum(plan.as_dict()["moving_params"].values()) == trainable


def test_adapters_of_a_later_phase_are_counted_too() -> None:
    plan = plan_of(LoRA(rank=1), phases=Gradual())
    assert [sum(phase.trains(group.name) for group in GROUPS) for phase in plan.phases] == [1, 2, 3, 4]
    assert plan.trainable_params == 70 + 20


def test_whole_groups_count_as_before() -> None:
    plan = plan_of(All())
    assert plan.adapters == {}
    assert plan.trainable_params == plan.total_params == 720


@pytest.mark.parametrize("scope", PARTS, ids=lambda scope: scope.kind)
def test_a_backbone_without_a_place_for_it_is_refused_in_words(scope) -> None:
    with pytest.raises(SpecError, match=f"nothing in this backbone that {scope.kind} could move: it needs .*\\. Choose"):
        scope.trainable(BARE)
    with pytest.raises(SpecError, match="nothing from 'head' up"):
        scope.model_copy(update={"from_group": "head"}).trainable(GROUPS)


@pytest.mark.parametrize("scope", PARTS, ids=lambda scope: scope.kind)
def test_batchnorm_keeps_its_statistics_unless_asked(scope) -> None:
    assert set(plan_of(scope).phases[0].batchnorm.values()) == {"eval"}


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needed, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"QLoRA needs the package bitsandbytes.*or choose lora"):
        needed.check_packages(preset("qlora"))
    for name in ("lora", "full", "adapters"):
        needed.check_packages(preset(name))


def test_lora_says_before_a_run_what_it_leaves_out() -> None:
    assert LoRA().note(GROUPS) == "1 layer takes no LoRA: depthwise and grouped convolutions, and the like."
    assert QLoRA(from_group="stage 2").note(GROUPS) == ""
    assert Bottleneck().note(GROUPS) == All().note(GROUPS) == ""
