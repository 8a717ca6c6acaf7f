"""The dial's figure and sentence, from numbers whose answer is known."""

import pytest

from tlcore.figures.dial import best_level, choice_reading, dial_figure, dial_reading, level_of
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


@pytest.mark.parametrize(
    ("strategy", "level"),
    [
        ("linear-probe", "head"),
        ("last-group", "stage 4"),
        ("top-two-groups", "stage 3"),
        ("two-stage", "stage 4"),  # the head first: what counts is how far it gets
        ("gradual", "stem"),
        ("full", "stem"),
        ("middle-only", None),  # the top stays frozen over it
    ],
)
def test_the_level_of_a_plan_is_the_lowest_group_that_ever_trains(strategy: str, level: str | None):
    assert level_of(compile_plan(preset(strategy), GROUPS, epochs=6, lr=1e-3)) == level


def test_a_ring_marks_the_level_of_the_plan():
    levels = [_level("head", 0.9), _level("stage 4", 0.95)]
    chart = dial_figure(levels, PLAN, None)
    (ring,) = [trace for trace in chart.data if trace.name == "the choice above"]
    assert list(ring.x) == [[group.name for group in GROUPS].index("stage 4")]
    assert list(ring.y) == pytest.approx([95.0])
    assert [trace.name for trace in dial_figure(levels[:1], PLAN, None).data] == ["accuracy, 95 % interval"]


def test_the_choice_is_read_against_the_best_level():
    best = _level("stage 3", 0.90, params=1000)
    unclear = choice_reading(_result(best, _level("stage 4", 0.88)), PLAN)
    assert (
        "training from stage 4 up, gets 88.0 % (85.0 to 91.0), 2.0 points less than the best, training from stage 3 up."
        in unclear
    )
    assert "The intervals overlap, so these images cannot tell the two apart." in unclear
    hint = choice_reading(_result(best, _level("stage 4", 0.86)), PLAN)  # 83 to 89 beside 87 to 93
    assert "4.0 points less" in hint
    assert "overlap, though neither accuracy lies in the other's" in hint
    clear = choice_reading(_result(best, _level("stage 4", 0.83)), PLAN)  # 80 to 86
    assert clear.endswith("Their intervals do not overlap.")
    head = compile_plan(preset("linear-probe"), GROUPS, epochs=2, lr=1e-3)
    assert "training the head alone, gets 85.0 %" in choice_reading(_result(best, _level("head", 0.85)), head)


def test_a_choice_that_is_the_best_or_as_good_says_so():
    chosen = _level("stage 4", 0.90)
    assert choice_reading(_result(chosen, _level("head", 0.8)), PLAN).endswith("no level asked here gets more.")
    equal = choice_reading(_result(chosen, _level("head", 0.9, params=10)), PLAN)
    assert equal.endswith("as much as training the head alone, which trains less.")


def test_a_choice_that_is_no_level_or_was_not_asked_claims_no_number():
    middle = compile_plan(preset("middle-only"), GROUPS, epochs=2, lr=1e-3)
    said = choice_reading(_result(_level("stage 2", 0.9)), middle)
    assert "none speaks for it" in said
    assert "%" not in said
    assert choice_reading(_result(_level("head", 0.9)), PLAN) == ""
