import copy

import pytest

from tlcore.figures.advice import suggestions
from tlcore.figures.baseline import baseline
from tlcore.figures.verdict import diagnosis, how_intervals, test_table, verdict
from tlcore.spec import RunSpec

test_table.__test__ = False  # its name says what it makes: the table of the test split


def share(value: float | None, low: float | None = None, high: float | None = None) -> dict:
    return {"value": value, "low": low, "high": high}


def epoch(train: float, val: float) -> dict:
    return {"train": {"loss": train, "accuracy": 0.5}, "val": {"loss": val}}


RESULT = {
    "classes": ["cat", "dog"],
    "test": {
        "n": 200,
        "accuracy": share(0.9, 0.85, 0.94),
        "balanced_accuracy": share(0.88, 0.8, 0.92),
        "auroc": share(0.95, 0.9, 0.98),
        "f1": share(0.89, 0.8, 0.93),
        "ece": {"value": 0.03},
        "loss": {"value": 0.3},
        "recall": {"cat": share(0.8, 0.7, 0.9), "dog": share(0.96, 0.9, 1.0)},
    },
    "majority_baseline": 0.625,
    "confusion": [[60, 15], [5, 120]],
    "best_epoch": 2,
    "epochs_run": 3,
    "stopped_early": False,
    "history": [epoch(0.9, 0.5), epoch(0.5, 0.4), epoch(0.3, 0.41)],
}


def changed(**values) -> dict:
    return copy.deepcopy(RESULT) | values


def with_accuracy(*values: float) -> dict:
    result = copy.deepcopy(RESULT)
    result["test"]["accuracy"] = share(*values)
    return result


def test_a_handful_of_test_images_carries_no_claim():
    result = with_accuracy(1.0, 0.7225, 1.0)
    result["test"]["n"] = 10
    assert verdict(result)[0] == (
        "It names 100.0 % (72.2 to 100.0) of 10 test images rightly; always naming the largest class gets 62.5 %. "
        "So few test images cannot tell skill from luck: bring more."
    )


def test_the_verdict_says_the_baseline_the_epoch_and_the_weakest_class():
    assert verdict(RESULT) == [
        "It names 90.0 % (85.0 to 94.0) of 200 test images rightly; always naming the largest class gets 62.5 %, so it is "
        "27.5 points better, more than chance explains.",
        "The weights kept are those of epoch 2 of 3.",
        "It errs most on 'cat': of its images it finds 80.0 % (70.0 to 90.0).",
    ]


def test_a_result_within_the_interval_of_the_baseline_is_not_called_better():
    assert "nothing shows that it has learnt to look" in verdict(with_accuracy(0.65, 0.6, 0.7))[0]
    assert diagnosis(with_accuracy(0.65, 0.6, 0.7)) == "no better than the baseline"
    assert "2.5 points worse than knowing nothing" in verdict(with_accuracy(0.6, 0.58, 0.62))[0]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([epoch(0.9, 0.5), epoch(0.5, 0.4), epoch(0.3, 0.46)], "over-fitting"),  # 15 % above the lowest
        ([epoch(0.9, 0.5), epoch(0.5, 0.4), epoch(0.3, 0.43)], "nothing striking"),  # 7.5 %
        ([epoch(0.9, 0.5), epoch(0.5, 0.4), epoch(1.2, 0.46)], "nothing striking"),  # the training loss rose as well
        ([epoch(0.9, 0.5), epoch(0.5, 0.4)], "under-trained"),
        ([epoch(0.9, 0.5), epoch(0.5, 0.495)], "nothing striking"),  # 1 % less
        ([epoch(0.9, 0.5)], "nothing striking"),
    ],
)
def test_a_diagnosis_only_where_the_curves_show_one(history, expected):
    assert diagnosis(changed(history=history)) == expected


def test_no_weakest_class_where_none_errs_or_none_is_known():
    result = copy.deepcopy(RESULT)
    result["test"]["recall"] = {"cat": share(1.0), "dog": share(1.0)}
    assert verdict(result)[2] == "On the test images it makes no error in any class."
    result["test"]["recall"] = {"cat": share(None)}
    assert "no recall" in verdict(result)[2]


def test_an_empty_test_split_is_said_and_breaks_nothing():
    result = copy.deepcopy(RESULT) | {"majority_baseline": None}
    result["test"]["accuracy"] = share(None)
    assert verdict(result)[0] == "The test split has no images, so nothing is known about new ones."
    assert test_table(result)[0]["baseline"] is None


def test_the_table_has_intervals_and_baselines():
    rows = {row["metric"]: row for row in test_table(RESULT)}
    assert (rows["Accuracy"]["value"], rows["Accuracy"]["low"], rows["Accuracy"]["baseline"]) == (0.9, 0.85, 0.625)
    assert rows["Balanced accuracy"]["baseline"] == 0.5
    assert rows["Calibration error"]["low"] is None
    assert rows["Recall of cat"]["value"] == 0.8


def test_where_the_intervals_come_from_is_said():
    assert how_intervals(RESULT) == "95 % intervals: bootstrap over the test images."  # of a run that tells no methods
    result = copy.deepcopy(RESULT) | {"intervals_over": "patients"}
    for name in ("accuracy", "balanced_accuracy", "auroc", "f1"):
        result["test"][name]["method"] = "bootstrap"
    result["test"]["recall"]["dog"] = share(1.0, 0.9, 1.0) | {"method": "wilson"}
    assert how_intervals(result) == (
        "95 % intervals: Wilson score for recall of dog, bootstrap for the others, over the test patients."
    )
    result["test"]["recall"]["cat"]["method"] = result["test"]["accuracy"]["method"] = "wilson"
    for name in ("auroc", "f1"):
        result["test"][name] = share(1.0) | {"method": None, "reason": "every draw is the same"}
    assert how_intervals(result) == (
        "95 % intervals: Wilson score for accuracy and recall, bootstrap for the others, over the test patients. "
        "None for AUROC and F1: every draw is the same."
    )
    rows = {row["metric"]: row["interval"] for row in test_table(result)}
    assert (rows["Accuracy"], rows["AUROC"], rows["Loss"]) == ("wilson", "none: every draw is the same", "")


def test_baselines_by_hand():
    # 5 of 8 images are of the largest class: its precision is 5/8, its recall 1, so its F1 is 2·5/8 / (13/8) = 10/13.
    assert baseline("f1", 0.625, 2) == pytest.approx(10 / 13 / 2)
    assert baseline("auroc", 0.625, 2) == 0.5
    with pytest.raises(ValueError, match="no baseline"):
        baseline("loss", 0.625, 2)


def test_suggestions_follow_from_the_numbers():
    spec = RunSpec(dataset="digits", strategy="full", epochs=3)
    over = suggestions(spec, changed(history=[epoch(0.9, 0.5), epoch(0.5, 0.4), epoch(0.3, 0.6)]))
    assert over[0].spec.strategy.name == "linear-probe"
    assert any(idea.spec.lr == spec.lr / 10 for idea in over)
    longer = suggestions(spec, changed(history=[epoch(0.9, 0.5), epoch(0.5, 0.4)]))
    assert longer[0].spec.epochs == 6
    result = copy.deepcopy(RESULT)
    result["test"]["recall"]["cat"] = share(0.5)
    assert not any(idea.spec.class_weights for idea in suggestions(spec, result))  # 75 and 125 images: not rare
    result["confusion"] = [[20, 20], [5, 155]]
    assert suggestions(spec, result)[0].spec.class_weights
    assert all(idea.spec != spec and len(idea.reason) > 10 for idea in over + longer)
    assert all(len(ideas) <= 3 for ideas in (over, longer))
