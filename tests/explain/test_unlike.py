"""Unlike anything it was trained on: the two distances by hand and against scikit-learn, and the alarm's promise by
simulation."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from tlcore.explain.nearest import directions, nearest
from tlcore.explain.unlike import NEIGHBOUR, alarm_rate, fit_unlike, knn_distances, mahalanobis_distances, within_classes


def clouds(rng: np.random.Generator, count: int, dimensions: int = 12, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Features of a few classes, in clouds that are long in some directions; the centres are always the same."""
    centres = np.random.default_rng(99).normal(0, 4, (classes, dimensions))
    labels = rng.integers(classes, size=count)
    return (centres[labels] + rng.normal(0, np.linspace(0.5, 2, dimensions), (count, dimensions))).astype(np.float32), labels


def test_the_nearest_by_hand():
    bank = directions(np.array([[3.0, 4], [1, 0], [0, 0], [0, 2], [2, 0]]))
    found = nearest(bank, np.array([10.0, 0]), ids=tuple("abcde"), labels=np.array([0, 1, 0, 2, 1]), neighbours=4)
    assert [(each.id, each.label, each.row) for each in found] == [("b", 1, 1), ("e", 1, 4), ("a", 0, 0), ("c", 0, 2)]
    assert [each.similarity for each in found] == pytest.approx([1, 1, 0.6, 0])
    assert len(nearest(bank, np.array([1.0, 1]), ids=tuple("abcde"), labels=np.arange(5), neighbours=99)) == 5


def test_the_knn_distance_is_scikit_learns():
    rng = np.random.default_rng(0)
    bank, asked = rng.normal(size=(80, 7)).astype(np.float32), rng.normal(size=(900, 7)).astype(np.float32)
    theirs, _ = NearestNeighbors(n_neighbors=NEIGHBOUR, metric="cosine").fit(bank).kneighbors(asked)
    assert knn_distances(directions(bank), asked) == pytest.approx(theirs[:, -1], abs=2e-6)
    assert knn_distances(directions(bank[:3]), asked[:2]).shape == (2,)  # fewer than ten: to the farthest


def test_the_mahalanobis_distance_is_scikit_learns():
    rng = np.random.default_rng(1)
    features, labels = clouds(rng, 90)
    means, root = within_classes(features, labels)
    centred = features - means[labels]
    theirs = LedoitWolf(assume_centered=True).fit(centred)
    asked, _ = clouds(rng, 50)
    expected = np.min([theirs.mahalanobis(asked - mean) for mean in means], axis=0)
    assert mahalanobis_distances(means, root, asked) == pytest.approx(expected, rel=1e-4)


def test_the_mahalanobis_distance_by_hand():
    # Two classes around (0, 0) and (10, 0); within them the first feature varies by 4 and the second by 1.
    corners = np.array([[2, 1], [2, -1], [-2, 1], [-2, -1]], np.float32)
    features = np.concatenate([np.tile(corners, (500, 1)), np.tile(corners, (500, 1)) + np.array([10, 0])]).astype(np.float32)
    means, root = within_classes(features, np.repeat([0, 1], 2000))
    assert means == pytest.approx(np.array([[0, 0], [10, 0]]))
    assert mahalanobis_distances(means, root, np.array([[4, 0], [10, 3], [0, 0]])) == pytest.approx([4, 9, 0], rel=0.01)


def test_false_alarms_stay_below_what_was_promised():
    """500 draws of 60 validation images and 20 others: on average at most 5 % of pictures of the same kind raise the alarm."""
    rng = np.random.default_rng(2)
    rates = []
    for _ in range(500):
        features, labels = clouds(rng, 140, dimensions=6)
        found = fit_unlike(features[:60], labels[:60], features[60:120])
        rates.append(found.alarms(features[120:], 0.05).mean())
    assert 0.005 < np.mean(rates) <= 0.05 + 3 * np.std(rates) / math.sqrt(len(rates))


def test_what_is_elsewhere_raises_the_alarm_and_what_is_alike_does_not():
    rng = np.random.default_rng(3)
    features, labels = clouds(rng, 700)
    found = fit_unlike(features[:300], labels[:300], features[300:500])
    assert alarm_rate(found, features[500:])["value"] < 0.1
    assert alarm_rate(found, -features[500:])["value"] > 0.95  # another direction
    assert alarm_rate(found, 9 * features[500:])["value"] > 0.95  # the same direction, too far: cosines see nothing of it
    told = found.judge(-features[500])
    assert told["unlike"]
    assert told["can_tell"]
    assert told["knn"]["distance"] > told["knn"]["threshold"]
    assert told["knn"]["beyond"] == 0
    json.dumps(told, allow_nan=False)


def test_few_validation_images_tell_nothing_and_say_so():
    rng = np.random.default_rng(4)
    features, labels = clouds(rng, 100)
    few, enough = (fit_unlike(features[:50], labels[:50], features[50 : 50 + count]) for count in (38, 39))
    assert not few.judge(-features[0], 0.05)["can_tell"]  # rank 39 (38 + 1) 0.975 = 38.03
    assert few.judge(-features[0], 0.05)["knn"]["threshold"] is None
    assert not few.judge(-features[0], 0.05)["unlike"]
    assert enough.judge(-features[0], 0.05)["can_tell"]


def test_features_that_are_constant_missing_or_not_finite():
    rng = np.random.default_rng(5)
    features, labels = clouds(rng, 200, dimensions=5)
    features[:, 2] = 1.0  # a dead channel
    features[:, 3] = 0.0
    found = fit_unlike(features[:100], np.where(labels[:100] == 1, 0, labels[:100]), features[100:])  # a class without images
    assert len(found.means) == 2
    assert np.isfinite(np.concatenate([found.knn, found.mahalanobis])).all()
    broken = features[:2].copy()
    broken[0, 0], broken[1, 1] = np.nan, np.inf
    assert found.alarms(broken).all()
    json.dumps(found.judge(broken[0]), allow_nan=False)
    still = fit_unlike(np.ones((20, 4), np.float32), np.zeros(20, int), np.ones((60, 4), np.float32))
    assert not still.alarms(np.ones((1, 4), np.float32)).any()
    assert still.alarms(np.array([[9.0, 1, 1, 1]], np.float32)).all()


@pytest.mark.slow
@pytest.mark.network
def test_photographs_and_digits_are_unlike_chest_x_rays():
    """By the features of EfficientNet-Lite0 as it comes, 96 px: what the head of a linear probe sees."""
    from tlcore.data.load import load_sample, load_unlabelled
    from tlcore.explain.ready import look_at
    from tlcore.models.network import build
    from tlcore.training.machine import choose

    side, machine = 96, choose("cpu", "float32")
    network = build("tf_efficientnet_lite0", classes=2, start="pretrained", seed=0, image_size=side)
    machine.place(network.module)
    films = {name: load_sample("chest-xray", images=120, image_size=side, split=name) for name in ("train", "val", "test")}
    rows = {name: look_at(network, machine, split.images)[0] for name, split in films.items()}
    found = fit_unlike(rows["train"], films["train"].labels, rows["val"])
    false_alarms = alarm_rate(found, rows["test"])
    assert false_alarms["value"] <= 0.1
    photos = np.asarray(load_unlabelled("natural-photos", image_size=side).images[:60])
    gray = np.repeat(photos.mean(-1, keepdims=True).astype(np.uint8), 3, -1)
    digits = np.asarray(load_sample("digits", images=60, image_size=side, split="test").images)
    for strange in (photos, gray, digits):
        assert alarm_rate(found, look_at(network, machine, strange)[0])["value"] > 0.95
