import numpy as np
import pytest

from tlcore.figures.calibration import calibration, calibration_reading
from tlcore.training.metrics import Bin, bins_of


def test_bins_by_hand():
    # 0.8 is the upper edge of the twelfth of 15 bins and belongs to it; 0.79 does too; 0.95 is in the last.
    probabilities = np.array([[0.8, 0.2], [0.21, 0.79], [0.05, 0.95], [0.95, 0.05]])
    labels = np.array([0, 0, 1, 0])
    first, second = bins_of(probabilities, labels)
    assert first == Bin(2, pytest.approx(0.795), 0.5)
    assert second == Bin(2, pytest.approx(0.95), 1.0)
    chart, _ = calibration(probabilities, labels)
    assert list(chart.data[1].y) == [50.0, 100.0]


def test_the_reading_compares_confidence_with_what_is_right():
    sure = np.tile([0.9, 0.1], (10, 1))
    half, nine = np.array([0] * 5 + [1] * 5), np.array([0] * 9 + [1])
    assert calibration_reading(sure, half) == (
        "On average it is 90.0 % sure and right in 50.0 % of 10 test images: it claims 40.0 points too much."
    )
    assert calibration_reading(sure, nine).endswith("can be taken at its word.")
    assert calibration_reading(sure, np.zeros(10, int)).endswith("it is 10.0 points better than it claims.")
