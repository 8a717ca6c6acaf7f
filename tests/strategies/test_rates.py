"""Rates by group, against multiples worked out by hand and against timm's."""

from __future__ import annotations

import math

import pytest

from tlcore.groups import Group
from tlcore.strategies import Plan, Strategy, compile_plan
from tlcore.strategies.phases import HeadThenBody
from tlcore.strategies.rates import AutoRGN, AutoSNR, ByLevel, LayerWiseDecay, blocks_of
from tlcore.strategies.scope import All

CONV = (
    Group("stem", "bottom", 1),
    Group("stage 1", "middle", 1),
    Group("stage 2", "middle", 1),
    Group("stage 3", "top", 1),
    Group("head", "head", 1),
)
VIT = (
    Group("stem", "bottom", 1),
    Group("blocks 1-3", "middle", 1),
    Group("blocks 4-6", "middle", 1),
    Group("blocks 7-9", "middle", 1),
    Group("blocks 10-12", "top", 1),
    Group("head", "head", 1),
)


def test_layer_wise_decay_of_stages_is_a_power_for_each() -> None:
    found = LayerWiseDecay(decay=0.5).multipliers(CONV)
    assert found == {"stem": 1 / 16, "stage 1": 1 / 8, "stage 2": 1 / 4, "stage 3": 1 / 2}


def test_layer_wise_decay_counts_the_blocks_that_a_group_holds() -> None:
    # Block 12 has .5, block 11 .25, block 10 .125: the middle one of the group, and so on down; the stem is below all twelve.
    found = LayerWiseDecay(decay=0.5).multipliers(VIT)
    exponents = {group: -math.log2(value) for group, value in found.items()}
    assert exponents == {"stem": 13, "blocks 1-3": 11, "blocks 4-6": 8, "blocks 7-9": 5, "blocks 10-12": 2}


@pytest.mark.parametrize(
    ("name", "count"),
    [("stem", 1), ("stage 12", 1), ("blocks 10-12", 3), ("stem and stage 1", 2), ("stem and blocks 1-3", 4), ("stages 2-3", 2)],
)
def test_a_groups_name_tells_how_many_parts_it_has(name: str, count: int) -> None:
    assert blocks_of(Group(name, "middle", 1)) == count


@pytest.mark.slow
def test_layer_wise_decay_of_a_transformer_is_timms_on_the_average_of_each_group() -> None:
    from timm import create_model
    from timm.optim import param_groups_layer_decay

    from tlcore.models.partition import partition

    model = create_model("vit_tiny_patch16_224", img_size=32)
    parts = partition(model)
    found = LayerWiseDecay(decay=0.65).multipliers(parts.groups)
    scale = {id(p): each["lr_scale"] for each in param_groups_layer_decay(model, layer_decay=0.65) for p in each["params"]}
    logs: dict[str, dict[str, float]] = {}
    for name, parameter in model.named_parameters():
        block = ".".join(name.split(".")[:2]) if name.startswith("blocks") else "rest"
        if not name.startswith(("norm", "head")):  # timm gives the last norm the head's rate; here it is of the last group
            logs.setdefault(parts.tensors[name], {})[block] = math.log(scale[id(parameter)])
    for group, of_blocks in logs.items():
        assert math.log(found[group]) == pytest.approx(sum(of_blocks.values()) / len(of_blocks)), group


def test_a_rate_by_level_is_what_the_recipe_says() -> None:
    plan = compile_plan(Strategy(scope=All(), rates=ByLevel()), CONV, epochs=1, lr=1e-4)
    assert list(plan.phases[0].rates.values()) == pytest.approx([1e-6, 1e-6, 1e-6, 1e-5, 1e-4])


@pytest.mark.parametrize("rates", [AutoRGN(batches=2), AutoSNR(threshold=0.3)])
def test_measured_rates_compile_to_the_most_that_a_group_can_have(rates: AutoRGN | AutoSNR) -> None:
    plan = compile_plan(Strategy(scope=All(), phases=HeadThenBody(lr_mult=0.1), rates=rates), CONV, epochs=4, lr=1.0)
    head, everything = plan.phases
    assert head.measured is None  # alone, it has all of its rate
    assert everything.measured == rates.measured
    assert set(everything.rates.values()) == {0.1}
    assert Plan.from_dict(plan.as_dict()) == plan
