"""The probe: its ridge is scikit-learn's, its leave-one-out scores are real ones, its probabilities are honest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from tlcore.analysis import probe as probing
from tlcore.analysis.probe import PENALTIES, calibrate, probe, softmax
from tlcore.analysis.undefined import Undefined
from tlcore.training.metrics import accuracy, auroc, calibration_error, confusion_matrix, loss


def _task(images: int, dimensions: int, classes: int, seed: int, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Features around a mean for each class, some directions much louder than others."""
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(99).normal(size=(classes, dimensions))
    labels = rng.integers(0, classes, images)
    loud = np.geomspace(10, 0.1, dimensions)
    return (means[labels] + spread * rng.normal(size=(images, dimensions))) * loud + 3, labels


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the probe have one penalty alone."""
    return lambda penalty: monkeypatch.setattr(probing, "PENALTIES", np.array([penalty]))


@pytest.mark.parametrize(("images", "dimensions"), [(60, 8), (40, 90)], ids=["N > D", "N < D"])
@pytest.mark.parametrize("penalty", [1e-5, 1e-2, 1.0])
def test_each_penalty_gives_the_ridge_of_scikit_learn(images: int, dimensions: int, penalty: float) -> None:
    features, labels = _task(images, dimensions, 3, 0)
    test, _ = _task(25, dimensions, 3, 1)
    targets = np.eye(3)[labels]
    basis = probing._Basis(features)
    inside = basis.of(features)
    weights = (inside.T @ (targets - targets.mean(0))) / (basis.spread + images * penalty)[:, None]

    scale = np.sqrt(np.square(features - features.mean(0)).sum() / images)
    theirs = Ridge(alpha=images * penalty, solver="svd").fit(features / scale, targets)
    np.testing.assert_allclose(basis.of(test) @ weights + targets.mean(0), theirs.predict(test / scale), atol=1e-8)


def test_the_scores_that_are_calibrated_on_are_of_models_that_never_saw_the_image(
    monkeypatch: pytest.MonkeyPatch, only
) -> None:
    features, labels = _task(30, 50, 3, 2)
    only(1e-2)
    given: dict[str, np.ndarray] = {}

    def watched(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given["scores"] = scores
        return calibrate(scores, labels)

    monkeypatch.setattr(probing, "calibrate", watched)
    probe(features, labels, features, labels, features, classes=3)
    scale = np.sqrt(np.square(features - features.mean(0)).sum() / len(features))  # one scale for all, as in the probe
    for image in range(len(features)):
        rest = np.arange(len(features)) != image
        left_out = Ridge(alpha=len(features) * 1e-2, solver="svd").fit(features[rest] / scale, np.eye(3)[labels[rest]])
        share = np.eye(3)[labels[rest]].mean(0)  # of the classes, which the offsets are for
        expected = left_out.predict(features[[image]] / scale)[0] - share
        np.testing.assert_allclose(given["scores"][0, image], expected, atol=1e-8)


def test_the_calibration_is_the_maximum_of_the_likelihood() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 80)
    scores = np.stack([0.4 * np.eye(3)[labels] + rng.normal(0, noise, (80, 3)) for noise in (0.05, 0.3, 2.0)])
    sharpness, offsets = calibrate(scores, labels)
    assert sharpness[0, 0, 0] > sharpness[1, 0, 0] > sharpness[2, 0, 0] > -1
    for place, some in enumerate(scores):

        def objective(moved: np.ndarray, some: np.ndarray = some) -> float:
            return loss(softmax(moved[0] * some + moved[1:]), labels) + 0.5e-4 * np.square(moved).sum()

        found = np.concatenate([sharpness[place].ravel(), offsets[place].ravel()])
        theirs = minimize(objective, np.ones(4), method="BFGS", options={"gtol": 1e-9})
        assert objective(found) <= theirs.fun + 1e-9
        np.testing.assert_allclose(found, theirs.x, rtol=1e-3, atol=1e-3)


def test_the_penalty_is_the_one_with_the_lowest_validation_loss(only: Callable[[float], None]) -> None:
    train, train_labels = _task(50, 40, 2, 4)
    val, val_labels = _task(60, 40, 2, 5)
    chosen = probe(train, train_labels, val, val_labels, val, classes=2)
    losses = {}
    for penalty in PENALTIES:
        only(penalty)
        alone = probe(train, train_labels, val, val_labels, val, classes=2)
        losses[penalty] = alone.val_loss
        assert alone.val_loss == pytest.approx(loss(alone.probabilities, val_labels))
    assert chosen.penalty == min(losses, key=losses.__getitem__)
    assert chosen.val_loss == pytest.approx(min(losses.values()), rel=1e-6)
    assert len({round(value, 6) for value in losses.values()}) > 5, "the penalties differ"


@pytest.mark.parametrize(("images", "dimensions"), [(60, 8), (40, 90)], ids=["N > D", "N < D"])
def test_the_layer_itself_answers_as_the_probe_does(images: int, dimensions: int) -> None:
    features, labels = _task(images, dimensions, 3, 0)
    test, _ = _task(25, dimensions, 3, 1)
    found = probe(features, labels, features, labels, test, classes=3)
    np.testing.assert_allclose(softmax(test @ found.weight.T + found.bias), found.probabilities, atol=1e-9)


def test_on_digits_it_does_what_a_logistic_regression_does() -> None:
    """Multinomial logistic regression, the usual probe, with its own penalty chosen on the same validation images."""
    features, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    train, val, test = order[:400], order[400:700], order[700:]
    found = probe(features[train], labels[train], features[val], labels[val], features[test], classes=10)

    scaler = StandardScaler().fit(features[train])
    inputs = {name: scaler.transform(features[rows]) for name, rows in {"train": train, "val": val, "test": test}.items()}
    fits = [LogisticRegression(C=c, max_iter=2000).fit(inputs["train"], labels[train]) for c in (0.003, 0.03, 0.3, 3)]
    theirs = min(fits, key=lambda fit: loss(fit.predict_proba(inputs["val"]), labels[val])).predict_proba(inputs["test"])

    ours = found.probabilities
    right = {name: accuracy(confusion_matrix(one, labels[test])) for name, one in {"ours": ours, "theirs": theirs}.items()}
    assert right["ours"] > right["theirs"] - 0.03
    assert auroc(ours, labels[test]) > auroc(theirs, labels[test]) - 0.005
    assert loss(ours, labels[test]) < loss(theirs, labels[test]) + 0.1
    assert calibration_error(ours, labels[test]) < 0.06


def test_unequal_classes_are_told_apart_where_a_bare_regression_names_the_large_one() -> None:
    rng = np.random.default_rng(6)
    labels = (rng.random(600) < 0.1).astype(int)
    features = rng.normal(size=(600, 3)) + 2.5 * labels[:, None] * np.array([1, 0, 0])
    found = probe(features[:300], labels[:300], features[300:400], labels[300:400], features[400:], classes=2)
    named = found.probabilities.argmax(1)
    assert (named[labels[400:] == 1] == 1).mean() > 0.5
    assert found.probabilities[:, 1].mean() == pytest.approx(labels[400:].mean(), abs=0.05)


def test_noise_gives_the_prior_and_a_task_without_fault_gives_finite_probabilities() -> None:
    rng = np.random.default_rng(7)
    labels = np.arange(120) % 3
    noise = rng.normal(size=(120, 200))
    found = probe(noise[:60], labels[:60], noise[60:90], labels[60:90], noise[90:], classes=3)
    assert found.val_loss < np.log(3) + 0.1
    clear = np.eye(3)[labels] + rng.normal(0, 1e-3, (120, 3))
    found = probe(clear[:60], labels[:60], clear[60:90], labels[60:90], clear[90:], classes=3)
    assert (found.probabilities.argmax(1) == labels[90:]).all()
    assert np.isfinite(found.probabilities).all()
    assert found.val_loss < 0.1
    np.testing.assert_allclose(found.probabilities.sum(1), 1)


@pytest.mark.parametrize("features", [np.zeros((40, 5)), np.ones((40, 3)), np.eye(40)[:, :1]], ids=["zeros", "alike", "one"])
def test_features_that_say_nothing_give_the_shares_of_the_classes(features: np.ndarray) -> None:
    labels = np.arange(40) % 4 // 3  # a quarter of ones
    found = probe(features, labels, features, labels, features[1:], classes=2)
    np.testing.assert_allclose(found.probabilities[:, 1], 0.25, atol=0.02)


def test_a_class_without_training_images_gets_hardly_any_probability() -> None:
    features, labels = _task(60, 6, 2, 8)
    found = probe(features[:40], labels[:40], features[40:], labels[40:], features[40:], classes=3)
    assert found.probabilities[:, 2].max() < 0.05


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_finite_is_not_probed(wrong: float) -> None:
    features, labels = _task(20, 4, 2, 9)
    broken = features.copy()
    broken[3, 2] = wrong
    with pytest.raises(Undefined, match="not finite"):
        probe(features, labels, features, labels, broken, classes=2)


def test_rotating_and_scaling_features_changes_nothing() -> None:
    features, labels = _task(90, 7, 3, 10)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(7, 7)))[0]
    one = probe(features[:50], labels[:50], features[50:70], labels[50:70], features[70:], classes=3)
    moved = 1e3 * features @ turn + 5
    other = probe(moved[:50], labels[:50], moved[50:70], labels[50:70], moved[70:], classes=3)
    assert one.penalty == other.penalty
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
