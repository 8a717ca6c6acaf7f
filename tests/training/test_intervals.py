"""Intervals: Wilson's by hand and by scipy, the bootstrap's resamples and width, and what happens where one tells nothing."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from tlcore.training import intervals, metrics


def _task(n: int, classes: int = 2, seed: int = 0, signal: float = 1.5):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + signal * np.eye(classes)[labels]
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_each_resample_has_the_metrics_of_the_images_it_repeats(classes: int):
    probabilities, labels = _task(40, classes)
    probabilities = np.round(probabilities, 1)  # ties
    samples = intervals.resampled(probabilities, labels, 7, None)
    weights = np.concatenate(list(intervals._weights(40, 7, None)))
    assert weights.shape == (1000, 40)
    assert (weights.sum(1) == 40).all()
    for row in range(0, 1000, 97):
        again = np.repeat(np.arange(40), weights[row].astype(int))
        names = [str(c) for c in range(classes)]
        values = metrics.score(probabilities[again], labels[again], names)
        for name in ("accuracy", "balanced_accuracy", "auroc", "f1"):
            assert samples[name][row] == pytest.approx(values[name]), name
        assert samples["recall"][row] == pytest.approx(list(values["recall"].values()))


def test_weighted_auroc_is_scikit_learns():
    rng = np.random.default_rng(3)
    scores = np.sort(rng.integers(0, 6, 50) / 5)
    positive = rng.random(50) < 0.4
    weights = rng.integers(0, 4, (5, 50)).astype(float)
    expected = [roc_auc_score(positive, scores, sample_weight=row) for row in weights]
    assert intervals._weighted_auroc(weights, scores, positive) == pytest.approx(expected)


def test_the_interval_of_an_accuracy_is_about_as_wide_as_the_binomials():
    probabilities, labels = _task(600, seed=1)
    result = intervals.with_intervals(probabilities, labels, ["a", "b"], seed=0)
    share = result["accuracy"]["value"]
    half = 1.96 * np.sqrt(share * (1 - share) / 600)
    assert result["accuracy"]["low"] == pytest.approx(share - half, abs=0.006)
    assert result["accuracy"]["high"] == pytest.approx(share + half, abs=0.006)
    assert result["auroc"]["low"] < result["auroc"]["value"] < result["auroc"]["high"]
    assert set(result["recall"]) == {"a", "b"}
    assert set(result["loss"]) == {"value"}
    assert result["n"] == 600


def test_wilson_by_hand():
    # p = 1, n = 10: the lower bound is n / (n + z^2) = 10 / (10 + 3.841459) = 0.722467; by symmetry p = 0 gives 1 - that.
    assert intervals.wilson(1.0, 10) == pytest.approx((0.722467, 1.0), abs=1e-6)
    assert intervals.wilson(0.0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)
    # p = 1/2, n = 4: 1/2 -+ 1.959964 sqrt(1/16 + 3.841459/64) / (1 + 3.841459/4) = 1/2 -+ 0.349962
    assert intervals.wilson(0.5, 4) == pytest.approx((0.150038, 0.849962), abs=1e-5)


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (3, 8), (19, 20), (599, 600)])
def test_wilson_is_scipys(hits: int, n: int):
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert intervals.wilson(hits / n, n) == pytest.approx((expected.low, expected.high))


def _sure(labels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Every answer right, and sure of it."""
    return np.eye(2)[labels] * 0.8 + 0.1, np.array(labels)


def test_a_perfect_score_on_few_images_has_an_honest_interval_or_none():
    probabilities, labels = _sure([0] * 6 + [1] * 4)
    result = intervals.with_intervals(probabilities, labels, ["a", "b"], seed=0)
    assert result["accuracy"] == {"value": 1.0, "low": pytest.approx(0.722467, abs=1e-6), "high": 1.0, "method": "wilson"}
    assert result["recall"]["b"]["low"] == pytest.approx(4 / (4 + 3.841459), abs=1e-6)
    for name in ("auroc", "f1", "balanced_accuracy"):
        assert (result[name]["value"], result[name]["low"], result[name]["high"]) == (1.0, None, None)
        assert result[name]["method"] is None
        assert result[name]["reason"] == "every draw of the test images gives the same value"


def test_of_patients_a_perfect_share_counts_patients_and_not_images():
    probabilities, labels = _sure([0] * 30 + [1] * 30)
    patients = [f"p{i // 3}" for i in range(60)]  # 20 patients, 10 of each class
    result = intervals.with_intervals(probabilities, labels, ["a", "b"], seed=0, clusters=patients)
    assert result["accuracy"]["low"] == pytest.approx(20 / (20 + 3.841459), abs=1e-6)
    assert result["recall"]["a"]["low"] == pytest.approx(10 / (10 + 3.841459), abs=1e-6)
    assert result["accuracy"]["method"] == result["recall"]["a"]["method"] == "wilson"
    assert result["auroc"]["low"] is None
    wrong = probabilities.copy()
    wrong[[0, 40]] = wrong[[0, 40], ::-1]
    mixed = intervals.with_intervals(wrong, labels, ["a", "b"], seed=0, clusters=patients)
    assert mixed["accuracy"]["method"] == mixed["recall"]["a"]["method"] == "bootstrap"
    assert mixed["auroc"]["low"] < 1


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    probabilities, labels = _task(80)
    first, second, other = (intervals.with_intervals(probabilities, labels, ["a", "b"], seed=s) for s in (5, 5, 6))
    assert first == second
    assert first["auroc"] != other["auroc"]


def test_chunks_do_not_change_what_is_drawn(monkeypatch: pytest.MonkeyPatch):
    whole = np.concatenate(list(intervals._weights(30, 2, None)))
    monkeypatch.setattr(intervals, "_CELLS_AT_ONCE", 30 * 64)
    assert (np.concatenate(list(intervals._weights(30, 2, None))) == whole).all()


def test_clusters_are_drawn_whole_and_widen_the_interval():
    probabilities, labels = _task(60, seed=4)
    patients = [f"p{i // 10}" for i in range(60)]
    repeated_p, repeated_l = np.repeat(probabilities[:20], 10, 0), np.repeat(labels[:20], 10)
    owner = [f"p{i // 10}" for i in range(200)]
    weights = next(iter(intervals._weights(60, 0, patients)))
    assert (weights.reshape(-1, 6, 10) == weights.reshape(-1, 6, 10)[:, :, :1]).all()
    alone = intervals.with_intervals(repeated_p, repeated_l, ["a", "b"], seed=0)["accuracy"]
    grouped = intervals.with_intervals(repeated_p, repeated_l, ["a", "b"], seed=0, clusters=owner)["accuracy"]
    assert grouped["high"] - grouped["low"] > 2 * (alone["high"] - alone["low"])


def test_no_interval_where_resamples_often_lack_a_class():
    probabilities, labels = _task(30)
    labels[:] = 0
    labels[0] = 1  # a resample misses the one image with probability (29/30)^30 = .36
    result = intervals.with_intervals(probabilities, labels, ["a", "b"], seed=0)
    assert result["auroc"]["value"] is not None
    assert result["auroc"]["low"] is None
    assert result["auroc"]["reason"] == "too few test images of a class to draw others"
    assert result["recall"]["b"]["method"] == "wilson"  # of one image
    assert result["accuracy"]["low"] is not None


def test_undefined_and_empty_have_no_interval():
    probabilities, _ = _task(10)
    result = intervals.with_intervals(probabilities, np.zeros(10, int), ["a", "b"], seed=0)
    assert result["auroc"] == {"value": None, "low": None, "high": None, "method": None}
    assert result["recall"]["b"]["value"] is None
    empty = intervals.with_intervals(np.zeros((0, 2)), np.zeros(0, int), ["a", "b"], seed=0)
    assert empty["accuracy"] == {"value": None, "low": None, "high": None, "method": None}
