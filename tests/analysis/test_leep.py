"""LEEP and NCE on tables small enough to do by hand, and NCE as scikit-learn's mutual information less an entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from tlcore.analysis.leep import leep, nce
from tlcore.analysis.undefined import Undefined


def test_leep_by_hand() -> None:
    # Joint sums: class 0 has (1.4, 0.6), class 1 (0.1, 0.9), together (1.5, 1.5). So P(0 | z) = (14/15, 6/15).
    answers = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    given = [0.8 * 14 / 15 + 0.2 * 6 / 15, 0.6 * 14 / 15 + 0.4 * 6 / 15, 0.1 * 1 / 15 + 0.9 * 9 / 15]
    assert leep(answers, np.array([0, 0, 1])) == pytest.approx(sum(map(math.log, given)) / 3, abs=1e-12)


def test_nce_by_hand() -> None:
    # Old class 0 holds one image of each new class, old class 1 two of the same: H(Y | Z) = 1/2 ln 2, in nats.
    assert nce(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])) == pytest.approx(-math.log(2) / 2, abs=1e-12)


def test_nce_is_the_mutual_information_less_the_entropy_of_the_labels() -> None:
    rng = np.random.default_rng(0)
    labels, old = rng.integers(0, 4, 200), rng.integers(0, 9, 200)
    shares = np.bincount(labels) / 200
    assert nce(old, labels) == pytest.approx(mutual_info_score(labels, old) + (shares * np.log(shares)).sum(), abs=1e-12)


def test_leep_of_an_old_classifier_without_doubts_is_nce() -> None:
    rng = np.random.default_rng(1)
    old, labels = rng.integers(0, 5, 60), rng.integers(0, 3, 60)
    assert leep(np.eye(7)[old], labels) == pytest.approx(nce(old, labels), abs=1e-12)  # two old classes never named


def test_answers_that_tell_nothing_score_minus_the_entropy_and_answers_that_tell_all_score_0() -> None:
    labels = np.array([0, 0, 0, 1])
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert leep(np.full((4, 3), 1 / 3), labels) == pytest.approx(-entropy)
    assert nce(np.zeros(4, int), labels) == pytest.approx(-entropy)
    assert leep(np.eye(2)[labels], labels) == pytest.approx(0)
    assert nce(labels + 5, labels) == pytest.approx(0)


def test_tiny_probabilities_do_no_harm() -> None:
    answers = np.array([[1.0, 0.0, 1e-300], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert leep(answers, np.array([0, 1, 0])) == pytest.approx(0)
    assert math.isfinite(leep(answers.astype(np.float32), np.array([0, 1, 1])))


def test_what_is_no_table_of_probabilities_is_refused() -> None:
    labels = np.array([0, 1])
    for answers in ([[0.5, 0.4], [0.5, 0.5]], [[1.5, -0.5], [0.5, 0.5]], [[3.0, -2.0], [0.1, 4.0]]):
        with pytest.raises(Undefined, match="probabilities"):
            leep(np.array(answers), labels)
    with pytest.raises(Undefined, match="one class"):
        leep(np.full((2, 2), 0.5), np.zeros(2, int))
    with pytest.raises(Undefined, match="one class"):
        nce(labels, np.zeros(2, int))
    with pytest.raises(Undefined, match="one label for each"):
        nce(np.array([0, 1, 1]), labels)
    with pytest.raises(Undefined, match="one old class for each"):
        nce(np.eye(2), labels)
