"""LogME: by hand, as a density that somebody else computes and maximises, and beside the paper's own steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from tlcore.analysis.logme import logme
from tlcore.analysis.undefined import Undefined


def _task(images: int, dimensions: int, seed: int, *, classes: int = 3, told: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Features that tell the classes a little apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % classes
    centres = told * rng.normal(size=(classes, dimensions))
    return centres[labels] + rng.normal(size=(images, dimensions)) * np.geomspace(0.3, 3, dimensions), labels


def _density(features: np.ndarray, y: np.ndarray, alpha: float, beta: float) -> float:
    """1/N ln Normal(y; 0, FF'/alpha + I/beta), by scipy."""
    covariance = features @ features.T / alpha + np.eye(len(y)) / beta
    return multivariate_normal(np.zeros(len(y)), covariance).logpdf(y) / len(y)


def _formula(features: np.ndarray, y: np.ndarray, alpha: float, beta: float) -> float:
    """The evidence as the paper writes it, term by term, with the D x D matrix A."""
    images, dimensions = features.shape
    a = alpha * np.eye(dimensions) + beta * features.T @ features
    m = beta * np.linalg.solve(a, features.T @ y)
    terms = images * math.log(beta) + dimensions * math.log(alpha) - images * math.log(2 * math.pi)
    terms -= beta * np.square(features @ m - y).sum() + alpha * m @ m + np.linalg.slogdet(a)[1]
    return terms / 2 / images


def _steps_of_the_paper(features: np.ndarray, y: np.ndarray) -> float:
    """Algorithm 1 of the paper: alpha and beta in turn, from 1."""
    alpha = beta = 1.0
    sizes = np.linalg.eigvalsh(features.T @ features).clip(0)
    for _ in range(500):
        m = beta * np.linalg.solve(alpha * np.eye(len(sizes)) + beta * features.T @ features, features.T @ y)
        gamma = (beta * sizes / (alpha + beta * sizes)).sum()
        alpha, beta = gamma / (m @ m), (len(y) - gamma) / np.square(features @ m - y).sum()
    return _formula(features, y, alpha, beta)


SHAPES = pytest.mark.parametrize(("images", "dimensions"), [(24, 5), (24, 24), (18, 60)], ids=["N>D", "N=D", "N<D"])


@SHAPES
def test_it_is_the_largest_density_of_the_labels(images: int, dimensions: int) -> None:
    features, labels = _task(images, dimensions, seed=1)
    best = []
    for c in range(3):
        y = (labels == c).astype(float)
        found = [
            minimize(lambda ab, y=y: -_density(features, y, *np.exp(ab)), start, method="Nelder-Mead", options={"fatol": 1e-12})
            for start in ([0.0, 0.0], [4.0, 2.0], [-2.0, 4.0])
        ]
        best.append(-min(one.fun for one in found))
    assert logme(features, labels) == pytest.approx(np.mean(best), abs=1e-8)


@SHAPES
def test_the_density_is_the_evidence_of_the_paper_and_no_alpha_and_beta_beat_the_score(images: int, dimensions: int) -> None:
    features, labels = _task(images, dimensions, seed=2, classes=2)
    score = logme(features, labels)
    for log_alpha in np.linspace(-6, 8, 8):
        for log_beta in np.linspace(-3, 6, 7):
            chosen = math.exp(log_alpha), math.exp(log_beta)
            evidence = [_formula(features, (labels == c).astype(float), *chosen) for c in range(2)]
            by_scipy = [_density(features, (labels == c).astype(float), *chosen) for c in range(2)]
            assert evidence == pytest.approx(by_scipy, abs=1e-8)
            assert np.mean(evidence) <= score + 1e-9


@pytest.mark.parametrize("seed", range(12))
def test_it_is_never_below_where_the_steps_of_the_paper_stop(seed: int) -> None:
    features, labels = _task(30, 4 + 3 * seed, seed, told=0.2 * seed)
    stops = np.mean([_steps_of_the_paper(features, (labels == c).astype(float)) for c in range(3)])
    assert logme(features, labels) >= stops - 1e-9


def test_by_hand() -> None:
    # Class 0, y = (1, 1, 0): s = 5, x² = 9/5 and 1/5 is left, so q(t) = (1 + 2t) / (5 + t). The derivative of the evidence is 0
    # where 17 t = 5: q = 0.3 and ln(1 + s/t) = ln 18. Class 1, y = (0, 0, 1): no part of y lies along F, so t is infinite.
    features, labels = np.array([[2.0], [1.0], [0.0]]), np.array([0, 0, 1])
    first = -0.5 * (math.log(2 * math.pi * 0.1) + 1 + math.log(18) / 3)
    second = -0.5 * (math.log(2 * math.pi / 3) + 1)
    assert logme(features, labels) == pytest.approx((first + second) / 2, abs=1e-12)


@pytest.mark.parametrize("dimensions", [3, 40])
def test_null_directions_count_and_change_nothing(dimensions: int) -> None:
    features, labels = _task(20, dimensions, seed=3)
    score = logme(features, labels)
    assert logme(np.hstack([features, np.zeros((20, 50))]), labels) == pytest.approx(score, abs=1e-10)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(dimensions, dimensions)))
    assert logme(1e4 * features @ rotation, labels) == pytest.approx(score, abs=1e-8)
    assert logme(features.astype(np.float32), 7 - labels) == pytest.approx(score, abs=1e-5)


def test_both_ways_of_decomposing_agree() -> None:
    """26 images in 25 dimensions go by the features, 26 in 26 by the Gram matrix; a column of 0 is all the difference."""
    features, labels = _task(26, 25, seed=4)
    assert logme(np.hstack([features, np.zeros((26, 1))]), labels) == pytest.approx(logme(features, labels), abs=1e-10)


def test_it_ranks_features_by_what_they_tell() -> None:
    scores = [logme(*_task(60, 10, seed=5, told=told)) for told in (0.0, 0.5, 1.0, 3.0)]
    assert scores == sorted(scores)
    assert scores[-1] > scores[0] + 0.1


def test_features_that_say_nothing_and_features_that_say_all_have_a_finite_score() -> None:
    labels = np.arange(12) % 3
    nothing = -0.5 * (math.log(2 * math.pi / 3) + 1)
    assert logme(np.zeros((12, 4)), labels) == pytest.approx(nothing)
    everything = logme(np.eye(3)[labels], labels)
    assert nothing + 1 < everything < 100


def test_what_cannot_be_scored_says_why() -> None:
    with pytest.raises(Undefined, match="one class"):
        logme(np.ones((4, 2)), np.zeros(4, int))
    with pytest.raises(Undefined, match="not finite"):
        logme(np.array([[1.0], [np.nan]]), np.array([0, 1]))
    with pytest.raises(Undefined, match="one label for each"):
        logme(np.ones((4, 2)), np.array([0, 1]))
    with pytest.raises(Undefined, match="a row for each image"):
        logme(np.ones(4), np.array([0, 1, 0, 1]))
