"""Temperature scaling: worked out by hand, convex, guarded against small validation splits, and never worse on real runs'
numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tlcore.explain.calibrate import (
    FEWEST,
    Temperature,
    before_and_after,
    fit_temperature,
    losses,
    lowest,
    softmax,
)
from tlcore.training.metrics import calibration_error


def drawn(count: int, sharper: float, seed: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `sharper` times what the labels were drawn from: the right temperature is `sharper`."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, (count, classes))
    labels = (softmax(true).cumsum(1) > rng.random((count, 1))).argmax(1)
    return true * sharper, labels


def test_the_lowest_loss_by_hand():
    # Every image says (2, 0) and 3 of 4 are of the first class: the best is p = 3/4, so 2 / T = ln 3.
    logits, labels = np.tile([2.0, 0.0], (4, 1)), np.array([0, 0, 0, 1])
    assert lowest(logits, labels) == pytest.approx(2 / math.log(3), rel=2e-4)
    assert softmax(logits[:1], 2 / math.log(3))[0] == pytest.approx([0.75, 0.25])
    assert losses(logits[:1], labels[:1], 1.0)[0] == pytest.approx(math.log(1 + math.exp(-2)))


@pytest.mark.parametrize("sharper", [0.5, 1.7, 4.0])
def test_the_temperature_that_the_labels_were_drawn_with_is_found(sharper: float):
    found = fit_temperature(*drawn(4000, sharper, 0))
    assert found.value == pytest.approx(sharper, rel=0.08)
    assert found.value == found.fitted
    assert found.loss_after < found.loss_before
    assert found.gain["low"] > 0


def test_the_answers_stay_and_the_calibration_error_falls_on_other_images():
    found = fit_temperature(*drawn(1500, 3.0, 1))
    logits, labels = drawn(3000, 3.0, 2)
    calibrated = found.probabilities(logits)
    assert (calibrated.argmax(1) == logits.argmax(1)).all()
    assert calibration_error(calibrated, labels) < 0.25 * calibration_error(softmax(logits), labels)
    told = before_and_after(found, logits, labels)
    assert told["after"]["ece"] == calibration_error(calibrated, labels)
    assert told["change"]["high"] < 0
    assert sum(each["images"] for each in told["before"]["bins"]) == told["n"] == 3000


def test_what_is_calibrated_already_stays_as_it_is():
    kept = [fit_temperature(*drawn(300, 1.0, seed)).value == 1 for seed in range(40)]
    assert np.mean(kept) >= 0.9  # the interval's lower end lies above 0 by chance in 1 of 40


def test_small_validation_splits_are_guarded():
    logits, labels = drawn(FEWEST - 1, 5.0, 3)
    few = fit_temperature(logits, labels)
    assert (few.value, few.fitted) == (1.0, None)
    assert f"{FEWEST - 1} validation images" in few.why
    many = drawn(20 * (FEWEST - 1), 5.0, 3)
    patients = [f"patient {i % (FEWEST - 1)}" for i in range(len(many[1]))]
    assert fit_temperature(*many, clusters=patients).value == 1  # images of 29 patients are 29 draws
    assert "29 patients" in fit_temperature(*many, clusters=patients).why


def test_all_right_would_make_it_endlessly_sure_and_does_not():
    logits = np.tile([1.0, 0.0], (200, 1))
    found = fit_temperature(logits, np.zeros(200, int))
    assert found.value == 1
    assert "Every validation answer is right" in found.why


def test_one_error_among_many_does_not_make_it_certain():
    logits = np.tile([3.0, 0.0], (200, 1))
    found = fit_temperature(logits, np.array([1] + [0] * 199))
    assert found.value == 1
    assert found.fitted < 1  # what the paper alone would use
    assert "no more than noise" in found.why


def test_a_small_split_cannot_make_the_loss_worse_by_much():
    """With 40 images the plain fit often harms; what is used seldom does."""
    plain, used = [], []
    other = drawn(4000, 1.0, 99)
    at_one = losses(*other, 1.0).mean()
    for seed in range(60):
        val = drawn(40, 1.0, seed)
        plain.append(losses(*other, lowest(*val)).mean() - at_one)
        used.append(losses(*other, fit_temperature(*val).value).mean() - at_one)
    assert np.mean(used) < 0.4 * np.mean(plain)


def test_extreme_logits_stay_finite():
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]] * 40)
    found = fit_temperature(logits, np.array([0, 1, 1, 0] * 20))
    assert math.isfinite(found.loss_before)
    assert np.isfinite(found.probabilities(logits)).all()


def test_it_goes_to_json_and_back():
    found = fit_temperature(*drawn(500, 2.0, 4))
    assert Temperature(**found.as_data()) == found
