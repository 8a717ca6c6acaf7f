"""Metrics against numbers worked out by hand and against scikit-learn."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from tlcore.training import metrics

# Five images, two classes: answers 0 1 1 0 1, truths 0 0 1 1 1.
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3], [0.05, 0.95]])
LABELS = np.array([0, 0, 1, 1, 1])


def test_two_classes_by_hand():
    values = metrics.score(PROBABILITIES, LABELS, ["normal", "pneumonia"])
    assert values["n"] == 5
    assert values["accuracy"] == pytest.approx(3 / 5)
    assert values["recall"] == pytest.approx({"normal": 1 / 2, "pneumonia": 2 / 3})
    assert values["balanced_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    # F1: class 0 has 2 truths, 2 answers, 1 hit: 2/4. Class 1: 3 truths, 3 answers, 2 hits: 4/6.
    assert values["f1"] == pytest.approx((2 / 4 + 4 / 6) / 2)
    # Of the 6 pairs (a 1, a 0), only (.3, .6) is the wrong way round.
    assert values["auroc"] == pytest.approx(5 / 6)
    assert values["loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.3, 0.95]).mean())
    # Five bins of one image each: |1-.9|, |0-.6|, |1-.8|, |0-.7|, |1-.95|.
    assert values["ece"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.7 + 0.05) / 5)


def test_calibration_error_pools_the_images_of_a_bin():
    probabilities = np.array([[0.62, 0.38], [0.64, 0.36], [0.66, 0.34], [0.9, 0.1]])
    labels = np.array([0, 1, 1, 0])
    # Bin (.6, .667]: three images, one right, mean confidence .64: |1/3 - .64| 3/4. Bin of .9: |1 - .9| 1/4.
    assert metrics.calibration_error(probabilities, labels) == pytest.approx(0.75 * (0.64 - 1 / 3) + 0.25 * 0.1)


def test_calibration_bins_hold_their_upper_edge():
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert metrics.calibration_error(certain, np.array([0, 1])) == 0.0
    assert metrics.calibration_error(certain, np.array([1, 0])) == 1.0
    edge = np.array([[0.8, 0.2], [0.79, 0.21]])  # .8 is the upper edge of the twelfth bin, where .79 is too
    assert metrics.calibration_error(edge, np.array([0, 1])) == pytest.approx(abs(1 - 0.8 - 0.79) / 2)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("digits", [1, 16])  # one digit makes many ties
def test_agrees_with_scikit_learn(classes: int, digits: int):
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, 300)
    logits = rng.normal(size=(300, classes)) + 1.5 * np.eye(classes)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    scores = np.round(probabilities, digits)
    answers = probabilities.argmax(1)
    values = metrics.score(probabilities, labels, [str(c) for c in range(classes)])
    assert values["accuracy"] == pytest.approx(reference.accuracy_score(labels, answers))
    assert values["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(labels, answers))
    assert values["f1"] == pytest.approx(reference.f1_score(labels, answers, average="macro"))
    assert values["loss"] == pytest.approx(reference.log_loss(labels, probabilities))
    assert list(values["recall"].values()) == pytest.approx(reference.recall_score(labels, answers, average=None).tolist())
    assert (metrics.confusion_matrix(probabilities, labels) == reference.confusion_matrix(labels, answers)).all()
    each = [reference.roc_auc_score(labels == c, scores[:, c]) for c in range(classes)]
    assert metrics.auroc(scores, labels) == pytest.approx(each[1] if classes == 2 else np.mean(each))


def test_macro_auroc_is_scikit_learns_one_against_the_rest():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    probabilities = rng.dirichlet(np.ones(4), 200)
    assert metrics.auroc(probabilities, labels) == pytest.approx(
        reference.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    )


def test_a_class_without_images_leaves_its_metrics_undefined():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    values = metrics.score(probabilities, np.array([0, 1]), ["a", "b", "c"])
    assert values["auroc"] is None
    assert values["recall"] == {"a": 1.0, "b": 1.0, "c": None}
    assert values["balanced_accuracy"] == 1.0
    assert values["f1"] == 1.0
    sentence = metrics.why_undefined(np.array([0, 1]), ["a", "b", "c"], "test")
    assert sentence == ["The test split has no image of c: AUROC, and the recall there, are undefined."]
    assert metrics.why_undefined(np.array([0, 1, 2]), ["a", "b", "c"], "test") == []


def test_an_empty_split_has_no_metrics_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = metrics.score(np.zeros((0, 2)), np.zeros(0, int), ["a", "b"])
    assert values["n"] == 0
    assert {values[name] for name in ("loss", "accuracy", "balanced_accuracy", "auroc", "f1", "ece")} == {None}
    assert metrics.majority_baseline(np.zeros(0, int)) is None
    assert "no images" in metrics.why_undefined(np.zeros(0, int), ["a", "b"], "val")[0]


def test_a_probability_of_zero_for_the_truth_is_a_large_loss_not_an_infinite_one():
    assert 700 < metrics.loss(np.array([[1.0, 0.0]]), np.array([1])) < 750


def test_majority_baseline():
    assert metrics.majority_baseline(np.array([0, 0, 0, 1])) == 0.75
