"""What each strategy compiles to, against rates and epochs worked out by hand."""

from __future__ import annotations

import pytest

from tlcore.errors import SpecError, UnknownName
from tlcore.groups import Group, levels_of, resolve
from tlcore.strategies import STRATEGIES, Plan, Strategy, compile_plan, preset
from tlcore.strategies.phases import Gradual, HeadThenBody
from tlcore.strategies.rates import Discriminative, Uniform
from tlcore.strategies.scope import All, FromGroup, HeadOnly, Top, Window

# Five backbone groups and a head: stem | stage 1-3 | stage 4.
GROUPS = (
    Group("stem", "bottom", 100, 1, 8, 4, 10),
    Group("stage 1", "middle", 200, 2, 16, 8, 20, 0, 2, 16),
    Group("stage 2", "middle", 400, 2, 32, 16, 40, 1, 2, 32),
    Group("stage 3", "middle", 800, 2, 64, 32, 80, 1, 2, 64),
    Group("stage 4", "top", 1600, 2, 128, 64, 160, 0, 2, 128),
    Group("head", "head", 20),
)


def rates_of(plan: Plan, phase: int = 0) -> list[float | None]:
    return list(plan.phases[phase].rates.values())


def test_levels_are_thirds_with_the_rest_in_the_middle() -> None:
    assert levels_of(5) == ("bottom", "middle", "middle", "middle", "top")
    assert levels_of(7) == ("bottom", "bottom", "middle", "middle", "middle", "top", "top")


def test_a_level_names_its_first_or_its_last_group() -> None:
    assert resolve(GROUPS, "middle") == 1
    assert resolve(GROUPS, "middle", last=True) == 3
    with pytest.raises(UnknownName, match="stage 9"):
        resolve(GROUPS, "stage 9")


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (HeadOnly(), ()),
        (Top(count=2), ("stage 3", "stage 4")),
        (FromGroup(group="stage 2"), ("stage 2", "stage 3", "stage 4")),
        (FromGroup(group="top"), ("stage 4",)),
        (FromGroup(group="head"), ()),
        (Window(first="middle", last="middle"), ("stage 1", "stage 2", "stage 3")),
        (Window(first="stem", last="stage 1"), ("stem", "stage 1")),
        (All(), ("stem", "stage 1", "stage 2", "stage 3", "stage 4")),
    ],
)
def test_scopes_name_the_groups_that_move(scope, expected) -> None:
    assert scope.trainable(GROUPS) == expected


def test_scopes_refuse_what_the_backbone_has_not() -> None:
    with pytest.raises(SpecError, match="6 groups cannot be unfrozen: this backbone has 5"):
        Top(count=6).trainable(GROUPS)
    with pytest.raises(SpecError, match="upside down"):
        Window(first="stage 3", last="stage 1").trainable(GROUPS)


def test_linear_probe_moves_the_head_alone() -> None:
    plan = compile_plan(preset("linear-probe"), GROUPS, epochs=5, lr=1e-3)
    assert rates_of(plan) == [None, None, None, None, None, 1e-3]
    assert set(plan.phases[0].batchnorm.values()) == {"eval"}
    assert plan.trainable_params == 20
    assert plan.total_params == 3120


def test_discriminative_rates_divide_by_the_factor_at_each_group() -> None:
    strategy = Strategy(scope=All(), rates=Discriminative(factor=10))
    plan = compile_plan(strategy, GROUPS, epochs=1, lr=1.0)
    assert rates_of(plan) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0])


def test_a_frozen_group_keeps_its_place_in_the_count_of_rates() -> None:
    strategy = Strategy(scope=Window(first="stem", last="stem"), rates=Discriminative(factor=10))
    assert rates_of(compile_plan(strategy, GROUPS, epochs=1, lr=1.0)) == pytest.approx([1e-5, None, None, None, None, 1.0])


def test_two_stages_share_the_epochs_and_slow_everything_in_the_second() -> None:
    strategy = Strategy(scope=Top(count=1), phases=HeadThenBody(head_share=0.4, lr_mult=0.1), rates=Uniform(body_lr_mult=1.0))
    plan = compile_plan(strategy, GROUPS, epochs=5, lr=1e-2)
    assert [phase.epochs for phase in plan.phases] == [2, 3]
    assert rates_of(plan, 0) == [None] * 5 + [1e-2]
    assert rates_of(plan, 1)[:4] == [None] * 4
    assert rates_of(plan, 1)[4:] == pytest.approx([1e-3, 1e-3])
    assert [plan.phase_of_epoch(epoch) for epoch in range(5)] == [0, 0, 1, 1, 1]


def test_two_stages_need_two_epochs() -> None:
    with pytest.raises(SpecError, match="at least 2 epochs, but 1 was asked for"):
        compile_plan(preset("lp-ft"), GROUPS, epochs=1, lr=1e-3)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_neither_stage_is_ever_empty(share: float) -> None:
    plan = compile_plan(Strategy(scope=All(), phases=HeadThenBody(head_share=share)), GROUPS, epochs=3, lr=1.0)
    assert min(phase.epochs for phase in plan.phases) >= 1
    assert plan.epochs == 3


def test_gradual_unfreezing_goes_from_the_top_down_one_group_a_phase() -> None:
    plan = compile_plan(Strategy(scope=All(), phases=Gradual()), GROUPS, epochs=6, lr=1.0)
    moving = [[group for group, rate in phase.rates.items() if rate is not None] for phase in plan.phases]
    assert moving == [
        ["head"],
        ["stage 4", "head"],
        ["stage 3", "stage 4", "head"],
        ["stage 2", "stage 3", "stage 4", "head"],
        ["stage 1", "stage 2", "stage 3", "stage 4", "head"],
        ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "head"],
    ]
    assert [phase.epochs for phase in plan.phases] == [1] * 6


def test_gradual_unfreezing_can_go_from_the_bottom_up() -> None:
    plan = compile_plan(Strategy(scope=All(), phases=Gradual(direction="bottom-up")), GROUPS, epochs=6, lr=1.0)
    assert plan.phases[1].name == "+ stem"
    assert plan.phases[1].trains("stem")
    assert not plan.phases[1].trains("stage 4")


def test_phases_that_end_when_validation_stalls_carry_their_patience() -> None:
    def patience(phases: HeadThenBody | Gradual) -> list[int | None]:
        return [phase.patience for phase in compile_plan(Strategy(scope=All(), phases=phases), GROUPS, epochs=6, lr=1.0).phases]

    assert patience(Gradual()) == [None] * 6
    assert patience(Gradual(until="stalled", patience=2)) == [2] * 6
    assert patience(HeadThenBody()) == [None, None]
    assert patience(HeadThenBody(head_until="converged", patience=4)) == [4, None]


@pytest.mark.parametrize("epochs", range(1, 13))
def test_gradual_unfreezing_uses_every_epoch_and_ends_with_everything(epochs: int) -> None:
    plan = compile_plan(Strategy(scope=All(), phases=Gradual()), GROUPS, epochs=epochs, lr=1.0)
    assert plan.epochs == epochs
    assert min(phase.epochs for phase in plan.phases) >= 1
    assert None not in rates_of(plan, -1)


def test_batchnorm_is_trained_only_where_asked_and_only_where_the_group_moves() -> None:
    strategy = Strategy(scope=Top(count=1, batchnorm="trained"))
    (phase,) = compile_plan(strategy, GROUPS, epochs=1, lr=1.0).phases
    assert [group for group, mode in phase.batchnorm.items() if mode == "train"] == ["stage 4", "head"]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_preset_compiles_and_survives_json(name: str) -> None:
    strategy = STRATEGIES[name].strategy
    assert Strategy.model_validate_json(strategy.model_dump_json()) == strategy
    plan = compile_plan(strategy, GROUPS, epochs=8, lr=1e-3)
    assert Plan.from_dict(plan.as_dict()) == plan
    assert plan.epochs == 8
    assert all(rate is None or rate > 0 for phase in plan.phases for rate in phase.rates.values())
    told = STRATEGIES[name]
    assert all((told.sentence, told.updates, told.expect, told.when, told.analogy, told.source))


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'linear-probe'") as caught:
        preset("liner-probe")
    assert set(caught.value.allowed) == set(STRATEGIES)


def test_a_rate_or_an_epoch_count_of_zero_is_refused() -> None:
    with pytest.raises(SpecError, match="above 0"):
        compile_plan(preset("full"), GROUPS, epochs=1, lr=0)
    with pytest.raises(SpecError, match="at least 1 epoch"):
        compile_plan(preset("full"), GROUPS, epochs=0, lr=1)


def test_groups_must_end_with_the_head() -> None:
    with pytest.raises(SpecError, match="must be the head"):
        compile_plan(preset("full"), GROUPS[:-1], epochs=1, lr=1)
