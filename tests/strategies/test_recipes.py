"""The recipes' rates as they are handed on, the fields that a preset is meant with, and ULMFiT as a whole."""

from __future__ import annotations

import itertools

import pytest

from tlcore.groups import Group
from tlcore.spec import RunSpec
from tlcore.strategies import STRATEGIES, compile_plan, defaults_of, preset

GROUPS = (
    Group("stem and stage 1", "bottom", 1),
    Group("stage 2", "bottom", 1),
    Group("stage 3", "middle", 1),
    Group("stage 4", "middle", 1),
    Group("stage 5", "middle", 1),
    Group("stage 6", "top", 1),
    Group("stage 7", "top", 1),
    Group("head", "head", 1),
)
FROZEN = None
RATES = {
    "recipe-a": [[*[FROZEN] * 7, 1e-3], [*[FROZEN] * 6, 1e-5, 1e-5]],
    "recipe-b": [[*[FROZEN] * 7, 1e-4], [*[FROZEN] * 4, 1e-6, 1e-5, 1e-5, 1e-4]],
    "recipe-c": [[*[FROZEN] * 7, 1e-3], [1e-6] * 8],
}


@pytest.mark.parametrize("name", RATES)
def test_a_recipes_rates_are_those_it_states(name: str) -> None:
    fields = defaults_of(name)
    plan = compile_plan(preset(name), GROUPS, epochs=fields["epochs"], lr=fields["lr"])
    for phase, expected in zip(plan.phases, RATES[name], strict=True):
        found = list(phase.rates.values())
        assert [rate is None for rate in found] == [rate is None for rate in expected]
        assert [rate for rate in found if rate] == pytest.approx([rate for rate in expected if rate])
        assert phase.schedule == "constant"
    assert (plan.phases[0].patience is not None) == (name != "recipe-b")


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_a_preset_is_meant_with_are_fields_of_a_run(name: str) -> None:
    fields = defaults_of(name)
    assert "strategy" not in fields
    spec = RunSpec(dataset="digits", strategy=name, **fields)
    assert all(getattr(spec, field) == value for field, value in fields.items())


def test_a_name_that_is_no_presets_has_no_defaults() -> None:
    assert defaults_of("custom") == {}


def test_ulmfit_unfreezes_one_group_a_phase_each_2_6_times_slower_along_slanted_triangles() -> None:
    plan = compile_plan(preset("ulmfit"), GROUPS, epochs=8, lr=1.0)
    assert [sum(phase.trains(group.name) for group in GROUPS) for phase in plan.phases] == list(range(1, 9))
    last = list(plan.phases[-1].rates.values())
    assert [above / below for below, above in itertools.pairwise(last)] == pytest.approx([2.6] * 7)
    assert {phase.schedule for phase in plan.phases} == {"slanted-triangular"}


def test_bottom_up_begins_at_the_image() -> None:
    plan = compile_plan(preset("g-fl"), GROUPS, epochs=8, lr=1.0)
    assert [group for group, rate in plan.phases[1].rates.items() if rate] == ["stem and stage 1", "head"]


def test_lp_ft_trains_its_head_to_convergence() -> None:
    head, everything = compile_plan(preset("lp-ft"), GROUPS, epochs=10, lr=1.0).phases
    assert head.patience is not None
    assert everything.patience is None
