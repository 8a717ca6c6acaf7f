"""The H-score: by hand, and against the covariance matrices of scikit-learn, written out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from tlcore.analysis.hscore import hscore, hscore_beside_chance
from tlcore.analysis.undefined import Undefined


def _task(images: int, dimensions: int, seed: int = 0, *, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(images) % classes)
    mixed = rng.normal(size=(images, dimensions)) @ (
        rng.normal(size=(dimensions, dimensions)) * np.geomspace(3, 0.1, dimensions)
    )
    return 5 + mixed + rng.normal(size=(classes, dimensions))[labels], labels


def _between(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    means = np.stack([features[labels == label].mean(0) for label in labels])
    return np.cov(means, rowvar=False, bias=True)


@pytest.mark.parametrize(("images", "dimensions"), [(60, 5), (40, 40), (25, 70)])
def test_it_is_the_trace_with_the_ledoit_wolf_covariance(images: int, dimensions: int) -> None:
    features, labels = _task(images, dimensions)
    fitted = LedoitWolf().fit(features)
    expected = np.trace(np.linalg.solve(fitted.covariance_, (1 - fitted.shrinkage_) * _between(features, labels)))
    assert 0 < fitted.shrinkage_ < 1
    assert hscore(features, labels) == pytest.approx(expected, rel=1e-9)


def test_of_one_feature_it_is_the_share_of_variance_between_classes() -> None:
    # Means 1 and 5 about 3: between classes the variance is 4, in all (9 + 1 + 1 + 9) / 4 = 5. One feature is never shrunk.
    assert hscore(np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([0, 0, 1, 1])) == pytest.approx(0.8)


def test_without_shrinkage_it_would_saturate_where_images_are_no_more_than_features() -> None:
    rng = np.random.default_rng(3)
    noise, labels = rng.normal(size=(20, 30)) * np.geomspace(5, 0.1, 30), np.arange(20) % 4
    plain = np.trace(np.linalg.pinv(np.cov(noise, rowvar=False, bias=True)) @ _between(noise, labels))
    assert plain == pytest.approx(3)  # C - 1, though nothing is there
    assert 0 <= hscore(noise, labels) < 1.5


@pytest.mark.parametrize("dimensions", [4, 40])
def test_the_score_by_chance_is_the_mean_over_shuffled_labels(dimensions: int) -> None:
    features, labels = _task(25, dimensions)
    found = hscore_beside_chance(features, labels)
    assert found.value == hscore(features, labels)
    rng = np.random.default_rng(4)
    shuffled = np.array([hscore(features, rng.permutation(labels)) for _ in range(300)])
    assert found.by_chance == pytest.approx(shuffled.mean(), abs=4 * shuffled.std() / np.sqrt(300))


def test_by_chance_wide_features_score_more_and_at_most_the_saturated_score() -> None:
    scores = [hscore_beside_chance(*_task(30, dimensions)).by_chance for dimensions in (2, 10, 60)]
    assert 0 < scores[0] < scores[1] < scores[2] < 2
    assert hscore_beside_chance(np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([0, 0, 1, 1])).by_chance == pytest.approx(
        1 / 3
    )


def test_it_stays_between_0_and_the_classes_less_one() -> None:
    for seed in range(10):
        features, labels = _task(30, 3 + 5 * seed, seed, classes=4)
        assert 0 <= hscore(features, labels) <= 3
        apart = features + 1e3 * np.eye(4, features.shape[1])[labels]
        assert hscore(features, labels) < hscore(apart, labels) <= 3


def test_neither_shift_nor_scale_nor_the_names_of_classes_matter() -> None:
    features, labels = _task(30, 8)
    score = hscore(features, labels)
    assert hscore(1e3 * features - 40, 9 - labels) == pytest.approx(score, rel=1e-8)


def test_features_alike_for_every_image_score_0() -> None:
    labels = np.array([0, 1, 0, 1, 1])
    assert hscore(np.full((5, 3), 0.1), labels) == 0
    assert hscore(np.zeros((5, 3)), labels) == 0
    two = hscore(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([0, 1]))  # no shrinkage, and one direction is null
    assert two == pytest.approx(1)


def test_one_class_has_no_score() -> None:
    with pytest.raises(Undefined, match="one class"):
        hscore(np.eye(4), np.ones(4, int))
