"""The dial's figure and sentence, from numbers whose answer is known."""

import pytest

from tlcore.figures.dial import best_level, dial_figure, dial_reading
from tlcore.models.catalogue import backbone_card
from tlcore.strategies import compile_plan, preset

GROUPS = backbone_card("resnet18").groups_with_head(2)
PLAN = compile_plan(preset("last-group"), GROUPS, epochs=2, lr=1e-3)


def _level(group: str, value: float, spread: float = 0.03, params: int = 100) -> dict:
    accuracy = {"value": value, "low": value - spread, "high": min(1.0, value + spread)}
    return {"group": group, "accuracy": accuracy, "auroc": 0.9, "loss": 0.3, "trainable_params": params, "seconds": 1.5}


def _result(*levels: dict) -> dict:
    return {"levels": list(levels), "images": {"train": 160, "val": 375}, "epochs": 3, "majority_baseline": 0.507}


def test_a_level_stands_above_its_own_group():
    chart = dial_figure([_level("head", 0.9), _level("stage 4", 0.95)], PLAN, 0.5)
    names = [group.name for group in GROUPS]
    points = chart.data[0]
    assert dict(zip(points.x, points.y, strict=True)) == pytest.approx(
        {names.index("head"): 90.0, names.index("stage 4"): 95.0}
    )
    assert list(points.error_y.array) == pytest.approx([3.0, 3.0])


def test_a_baseline_far_below_is_left_to_the_sentence():
    assert len(dial_figure([_level("head", 0.9)], PLAN, 0.1).data) == 1
    assert len(dial_figure([_level("head", 0.55)], PLAN, 0.53).data) == 2
    assert "largest class gets 50.7 %" in dial_reading(_result(_level("head", 0.9)))


def test_of_equal_levels_the_one_that_trains_least_is_best():
    head, deep = _level("head", 0.9, params=10), _level("stage 1", 0.9, params=1000)
    assert best_level([deep, head]) is head
    assert "adds nothing that they show" in dial_reading(_result(head, deep))


def test_a_difference_is_claimed_only_outside_both_intervals():
    head = _level("head", 0.80)
    clear, unclear = dial_reading(_result(head, _level("stage 4", 0.90))), dial_reading(_result(head, _level("stage 4", 0.82)))
    assert "worth a full run" in clear
    assert "90.0 % (87.0 to 93.0)" in clear
    assert "cannot tell the levels apart" in unclear


def test_names_from_elsewhere_are_left_out():
    assert len(dial_figure([_level("no such group", 0.9)], PLAN, None).data[0].x) == 0
