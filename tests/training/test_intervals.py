"""Bootstrap intervals: the same metrics on each resample, the right width, and what happens where none is defined."""

import numpy as np
import pytest
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
    samples = intervals._resampled(probabilities, labels, 7, None)
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
    assert result["recall"]["b"]["high"] is None
    assert result["accuracy"]["low"] is not None


def test_undefined_and_empty_have_no_interval():
    probabilities, _ = _task(10)
    result = intervals.with_intervals(probabilities, np.zeros(10, int), ["a", "b"], seed=0)
    assert result["auroc"] == {"value": None, "low": None, "high": None}
    assert result["recall"]["b"]["value"] is None
    empty = intervals.with_intervals(np.zeros((0, 2)), np.zeros(0, int), ["a", "b"], seed=0)
    assert empty["accuracy"] == {"value": None, "low": None, "high": None}
