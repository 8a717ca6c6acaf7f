"""Calibration: is the model right as often as it says?"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from tlcore.figures.palette import BASELINE, TEST
from tlcore.figures.style import figure
from tlcore.figures.words import count, percent, points, times
from tlcore.training.metrics import bins_of

CLOSE = 0.02  # confidence and accuracy that differ by less are called equal


def calibration(probabilities: np.ndarray, labels: np.ndarray) -> tuple[go.Figure, str]:
    """The share that is right against the stated confidence; the area of a dot grows with its images. With its reading."""
    found = bins_of(probabilities, labels)
    chart = figure(x="Confidence of the answer (%)", y="Answers that are right (%)")
    chart.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", name="perfectly calibrated", line={"color": BASELINE, "dash": "dash"}
    )
    most = max((each.images for each in found), default=1)
    chart.add_scatter(
        x=[100 * each.confidence for each in found],
        y=[100 * each.accuracy for each in found],
        mode="markers",
        cliponaxis=False,
        name="test images, by confidence",
        marker={"color": TEST, "size": [6 + 24 * (each.images / most) ** 0.5 for each in found], "opacity": 0.8},
        text=[times(each.images, "image") for each in found],
        hovertemplate="%{text}<br>confidence %{x:.1f} %<br>right %{y:.1f} %<extra></extra>",
    )
    chart.update_xaxes(range=[0, 104])
    chart.update_yaxes(range=[-4, 108])
    return chart, calibration_reading(probabilities, labels)


def calibration_reading(probabilities: np.ndarray, labels: np.ndarray) -> str:
    """Whether the answers claim more than they hold."""
    if not len(labels):
        return "The test split has no images."
    sure, right = float(probabilities.max(1).mean()), float((probabilities.argmax(1) == labels).mean())
    said = f"On average it is {percent(sure)} sure and right in {percent(right)} of {count(len(labels))} test images"
    if abs(sure - right) < CLOSE:
        return f"{said}: on the whole, its confidence can be taken at its word."
    if sure > right:
        return f"{said}: it claims {points(sure - right)} too much."
    return f"{said}: it is {points(right - sure)} better than it claims."
