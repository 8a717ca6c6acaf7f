"""The recommendation: which curve asks for which level, and when a difference is no more than noise."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.answers import rank_correlation
from tlcore.analysis.level import FEW, Judge, recommend
from tlcore.figures.layers_words import headline
from tlcore.groups import Group, run_together

GROUPS = (
    Group("stem", "bottom", 1),
    Group("stage 1", "middle", 1),
    Group("stage 2", "middle", 1),
    Group("stage 3", "top", 1),
    Group("head", "head", 1),
)
CLASSES = ("normal", "pneumonia")
MANY = 500  # labels: enough to unfreeze


def _answers(strengths: list[float], images: int, seed: int = 0, classes: int = 2) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Probabilities for each group: the truth, as loud as its strength, in noise of its own."""
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % classes
    said = {}
    for group, strength in zip(GROUPS, strengths, strict=False):
        logits = strength * np.eye(classes)[labels] + rng.normal(size=(images, classes))
        said[group.name] = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return said, labels


def _judge(labels: np.ndarray, clusters: list[str] | None = None) -> Judge:
    return Judge(labels, CLASSES, 0, clusters)


def test_where_the_curve_falls_again_its_peak_and_the_group_below_learn_with_what_stands_above() -> None:
    said, labels = _answers([0.5, 1.5, 2.2, 1.0], 300)
    told = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=MANY)
    assert (told["best"], told["group"], told["level"], told["metric"]) == ("stage 2", "stage 1", "middle", "auroc")
    assert (told["why"], told["by_curve"], told["labelled"]) == ("enough", "stage 3", MANY)
    assert told["more_than_noise"]
    assert told["lead"]["over"] == "stage 3"
    assert 0 < told["lead"]["low"] < told["lead"]["value"] < told["lead"]["high"]
    assert "off stage 2: AUROC 0." in told["evidence"][0]
    assert told["evidence"][1].endswith("is more than noise.")
    assert "the same 300 test images, widened for the choice among 4 groups" in told["evidence"][1]
    assert told["evidence"][2] == "What stands above stage 2 fits the old task better than this one."
    assert told["evidence"][3].startswith(
        "For it: 500 labelled images, 100 or more, are enough to let stage 2 and stage 1 below it learn too."
    )
    assert told["evidence"][4] == "Against it: three trials are few, and one of them gained nothing."
    assert told["moves"] == 0.75  # stage 1, 2 and 3 of four groups of one weight each
    assert told["evidence"][5] == "Its cost: 75 % of the backbone's weights then learn; with the head alone, none."


def test_where_the_curve_rises_to_the_top_the_head_alone_is_trained() -> None:
    said, labels = _answers([0.2, 0.6, 1.2, 2.2], 300)
    told = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=MANY)
    assert (told["best"], told["group"], told["level"]) == ("stage 3", "head", "head")
    assert told["more_than_noise"]
    assert told["lead"]["over"] == "stage 2"
    assert told["evidence"][2] == "No group below stage 3 says more, so nothing has to move but the head."
    assert (told["why"], told["by_curve"], len(told["evidence"])) == ("top", "head", 3)
    few = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=FEW - 1)
    assert few["evidence"] == told["evidence"], "the labels play no part where the head alone is right anyway"


def test_with_few_labels_the_head_alone_is_trained_whatever_the_curve_says() -> None:
    said, labels = _answers([0.5, 1.5, 2.2, 1.0], 300)
    told = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=FEW - 1)
    assert (told["best"], told["group"], told["why"], told["by_curve"]) == ("stage 2", "head", "few", "stage 3")
    assert told["evidence"][3].startswith("But 99 labelled images, fewer than 100, give a run too few steps")
    assert recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=FEW)["group"] == "stage 1"


def test_where_the_bottom_reads_best_everything_learns_and_nothing_is_below_it() -> None:
    said, labels = _answers([2.2, 1.5, 1.0, 0.5], 300)
    told = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=MANY)
    assert (told["best"], told["group"], told["by_curve"]) == ("stem", "stem", "stage 1")
    assert "let stem learn too" in told["evidence"][3]
    assert told["evidence"][5].startswith("Its cost: all of the backbone's weights")


@pytest.mark.parametrize("seed", range(6))
def test_a_flat_curve_is_called_noise_whichever_group_is_ahead(seed: int) -> None:
    said, labels = _answers([1.5, 1.5, 1.5, 1.5], 120, seed=seed)
    told = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=MANY)
    assert not told["more_than_noise"]
    assert "may be noise" in told["evidence"][1]
    assert told["lead"]["value"] >= 0
    words = " ".join(told["evidence"])
    assert "no worse" not in words, "few images are no evidence that nothing differs"
    assert ("the interval of the lead includes 0" in words) is (told["why"] == "enough")


def test_few_patients_with_many_images_each_are_few() -> None:
    """The same answers, each image shown 20 times: over images the lead is sure, over patients it is not."""
    said, labels = _answers([1.0, 1.0, 2.2, 1.2], 24, seed=3)
    many = {name: np.repeat(one, 20, axis=0) for name, one in said.items()}
    labels = np.repeat(labels, 20)
    owners = [f"patient {i}" for i in np.repeat(np.arange(24), 20)]
    over_images = recommend(GROUPS, many, _judge(labels), source="pretrained", labelled=MANY)
    over_patients = recommend(GROUPS, many, _judge(labels, owners), source="pretrained", labelled=MANY)
    assert over_images["lead"]["value"] == over_patients["lead"]["value"]
    widths = [told["lead"]["high"] - told["lead"]["low"] for told in (over_images, over_patients)]
    assert widths[1] > 3 * widths[0]
    assert "of 24 patients" in over_patients["evidence"][1]


def test_of_equals_the_highest_is_taken_and_no_interval_is_no_evidence() -> None:
    _, labels = _answers([1.0], 40)
    perfect = np.eye(2)[labels]
    told = recommend(GROUPS, {group.name: perfect for group in GROUPS[:-1]}, _judge(labels), source="pretrained", labelled=MANY)
    assert (told["best"], told["group"]) == ("stage 3", "head")
    assert told["lead"] == {"value": 0.0, "low": None, "high": None, "over": "stage 2"}
    assert not told["more_than_noise"]
    assert "has no interval" in told["evidence"][1]
    assert told["alike"] == "stem to stage 3"
    assert told["evidence"][0] == "With pretrained weights stem to stage 3 read the task alike, and best: AUROC 1.000 off each."
    assert headline(told).startswith("Train the head alone: stem to stage 3 read the task alike, and nothing below")


def test_without_an_interval_the_reason_against_says_no_more_than_the_images_do() -> None:
    labels = np.arange(6) % 2
    sure, other = np.eye(2)[labels], np.eye(2)[labels[::-1]]
    said = {"stem": other, "stage 1": sure, "stage 2": sure, "stage 3": other}
    told = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=MANY)
    assert (told["lead"]["low"], told["alike"], told["group"]) == (None, "stage 1 and stage 2", "stage 1")
    assert told["evidence"][4].startswith("Against it: these images cannot tell whether the lead is noise;")
    assert "stage 1 and stage 2 read alike, and best, but the images are too few" in headline(told)


def test_groups_in_a_row_are_named_by_their_ends() -> None:
    names = [group.name for group in GROUPS]
    assert run_together(["stage 2", "stem", "stage 1"], names) == "stem to stage 2"
    assert run_together(["stem", "stage 1", "stage 3"], names) == "stem, stage 1 and stage 3"
    assert run_together(["stem"], names) == "stem"


def test_what_the_pretrained_weights_bring_is_held_against_random_ones() -> None:
    said, labels = _answers([0.5, 1.5, 2.2, 1.0], 300)
    weak, _ = _answers([0.4, 0.3, 0.2, 0.1], 300, seed=1)
    told = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=MANY, random=weak)
    assert told["evidence"][6].endswith("more than noise.")
    equal, _ = _answers([0.5, 1.5, 2.2, 1.0], 300, seed=2)
    told = recommend(GROUPS, said, _judge(labels), source="pretrained", labelled=MANY, random=equal)
    assert told["evidence"][6].endswith("may be noise.")
    assert "off stage 2" in told["evidence"][6]


def test_without_test_images_of_a_class_balanced_accuracy_decides() -> None:
    said, labels = _answers([0.5, 1.5, 2.2, 1.0], 200)
    judge = Judge(labels, (*CLASSES, "never seen"), 0, None)
    three = {name: np.pad(one, ((0, 0), (0, 1))) for name, one in said.items()}
    told = recommend(GROUPS, three, judge, source="pretrained", labelled=MANY)
    assert told["metric"] == "balanced_accuracy"
    assert "balanced accuracy 0." in told["evidence"][0]
    assert told["best"] == "stage 2"


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    # Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: 1 - ... by Pearson on ranks, 4.5 / sqrt(4.5 * 5)
    assert rank_correlation([1, 2, 2, 5], [0.1, 0.4, 0.3, 0.9]) == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert rank_correlation([1, None, 3, 4], [1, 2, 3, 4]) == pytest.approx(1)
    assert rank_correlation([1, 2, None], [1, 2, 3]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
