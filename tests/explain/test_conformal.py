"""Prediction sets: the promise for a finite number of images, by simulation; the ranks and scores, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tlcore.errors import SpecError
from tlcore.explain.calibrate import fit_temperature, softmax
from tlcore.explain.conformal import METHODS, PredictionSets, coverage, expected_coverage, fit_sets, rank_score, scores


def drawn(rng: np.random.Generator, count: int, classes: int = 4, sharper: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a network that is much too sure, and labels: exchangeable."""
    true = rng.normal(0, 1.3, (count, classes))
    labels = (softmax(true).cumsum(1) > rng.random((count, 1))).argmax(1)
    return true * sharper, labels


def test_the_rank_by_hand():
    nine = np.arange(1, 10) / 10
    assert rank_score(nine, 0.9) == 0.9  # (9 + 1) 0.9 = 9, the ninth
    assert rank_score(nine, 0.8) == 0.8
    assert rank_score(nine, 0.85) == 0.9  # 8.5: the ninth
    assert rank_score(nine, 0.95) == math.inf  # 9.5: there is no tenth
    assert rank_score(np.empty(0), 0.5) == math.inf
    for wrong in (0, 1, -0.1, 1.5, math.nan):
        with pytest.raises(SpecError, match="between 0 and 1"):
            rank_score(nine, wrong)


def test_the_scores_by_hand():
    shares = np.array([[0.2, 0.5, 0.3]])
    assert scores(shares, "lac")[0] == pytest.approx([0.8, 0.5, 0.7])
    assert scores(shares, "aps")[0] == pytest.approx([0.8, 0.0, 0.5])  # what is more probable has together
    with pytest.raises(SpecError, match="no prediction set named 'raps'"):
        fit_sets(shares, np.array([1])).threshold(0.5, "raps")


def test_a_set_by_hand():
    sets = PredictionSets(lac=np.array([0.1, 0.2, 0.3, 0.65]), aps=np.array([0, 0, 0.4, 0.5]))
    # confidence 0.6: rank 3 of (4 + 1) 0.6
    assert sets.of(np.array([[0.2, 0.5, 0.3], [0.75, 0.2, 0.05]]), 0.6).tolist() == [[False, True, False], [True, False, False]]
    assert sets.of(np.array([[0.2, 0.5, 0.3]]), 0.6, bare=True).tolist() == [[False, False, False]]  # none reaches 0.7
    assert sets.of(np.array([[0.3, 0.38, 0.32]]), 0.6, "aps").tolist() == [[False, True, True]]
    assert sets.of(np.array([[0.2, 0.5, 0.3]]), 0.9).all()  # rank 5 of 4: every class is in
    assert (sets.fewest(0.8), sets.fewest(0.9), sets.fewest(0.95)) == (4, 9, 19)


@pytest.mark.parametrize("n", [20, 99])
@pytest.mark.parametrize("confidence", [0.8, 0.9])
def test_the_promise_holds_for_a_finite_number_of_images(n: int, confidence: float):
    """1,500 draws of n validation images and 20 others: coverage lies between 1 - a and 1 - a + 1 / (n + 1), and chance."""
    rng = np.random.default_rng(n)
    hits = []
    for _ in range(1500):
        logits, labels = drawn(rng, n + 20)
        shares = softmax(logits)
        members = fit_sets(shares[:n], labels[:n]).of(shares[n:], confidence, bare=True)
        hits.append(members[np.arange(20), labels[n:]].mean())
    error = np.std(hits) / math.sqrt(len(hits))
    assert confidence - 3 * error <= np.mean(hits) <= confidence + 1 / (n + 1) + 3 * error


@pytest.mark.parametrize("method", METHODS)
def test_the_whole_way_keeps_the_promise_although_the_temperature_saw_the_same_images(method: str):
    rng = np.random.default_rng(7)
    covered, sizes, kept = [], [], []
    for _ in range(120):
        val, test = drawn(rng, 200), drawn(rng, 100)
        temperature = fit_temperature(*val)
        sets = fit_sets(temperature.probabilities(val[0]), val[1])
        told = coverage(sets, temperature.probabilities(test[0]), test[1], confidence=0.9, method=method)
        covered.append(told["covered"]["value"])
        sizes.append(told["size"])
        kept.append(told["kept"])
        assert told["exact"]["empty"] == 0 or method == "lac"
    error = np.std(covered) / math.sqrt(len(covered))
    assert 0.9 - 3 * error <= np.mean(covered) <= 0.93
    assert 1 < np.mean(sizes) < 3.5
    assert np.mean(kept) >= 0.9


def test_no_set_is_empty_and_that_is_told():
    rng = np.random.default_rng(3)
    logits, labels = drawn(rng, 900, classes=2, sharper=1)
    labels = np.where(rng.random(900) < 0.97, logits.argmax(1), 1 - logits.argmax(1))  # right far more often than promised
    shares = softmax(logits)
    sets = fit_sets(shares[:400], labels[:400])
    told = coverage(sets, shares[400:], labels[400:], confidence=0.8)
    assert sets.of(shares[400:], 0.8).any(1).all()
    assert told["exact"]["empty"] > 0.1
    assert told["covered"]["value"] > 0.94
    low, high = told["exact"]["expected"]
    assert low <= told["exact"]["covered"]["value"] <= high


def test_what_coverage_is_expected_by_simulation():
    rng = np.random.default_rng(5)
    ranks = np.sort(rng.random((20_000, 50)), 1)[:, 45]  # (50 + 1) 0.9 = 45.9: the 46th
    shares = rng.binomial(80, ranks) / 80
    assert expected_coverage(50, 80, 0.9) == pytest.approx(np.quantile(shares, [0.025, 0.975]), abs=0.0126)  # one image
    assert expected_coverage(5, 80, 0.9) == [1.0, 1.0]
    assert expected_coverage(5, 0, 0.9) is None


def test_over_patients_the_interval_is_wider():
    rng = np.random.default_rng(11)
    logits, labels = drawn(rng, 600)
    shares = softmax(logits)
    sets = fit_sets(shares[:300], labels[:300])
    test, truth = np.repeat(shares[300:330], 10, 0), np.repeat(labels[300:330], 10)
    alone = coverage(sets, test, truth)["covered"]
    whose = coverage(sets, test, truth, clusters=[f"p{i // 10}" for i in range(300)])["covered"]
    assert whose["value"] == alone["value"]
    assert whose["high"] - whose["low"] > 2 * (alone["high"] - alone["low"])
