"""The rate finder's figure and its sentence, from a curve made by hand."""

from __future__ import annotations

import pytest

from tlcore.figures.find_rate import find_rate_figure, find_rate_reading

RATES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
LOSSES = [1.0, 0.9, 0.6, 0.5, 9.0]
SMOOTH = [1.0, 0.95, 0.8, 0.7, 3.0]
RESULT = {
    "rates": RATES, "losses": LOSSES, "smoothed": SMOOTH, "suggestion": 1e-3, "valley": [1e-4, 1e-2], "stopped": "diverged",
    "images": 1600,
}  # fmt: skip


def test_the_curve_shows_the_fall_and_cuts_the_climb_off() -> None:
    chart = find_rate_figure(RATES, LOSSES, SMOOTH, suggestion=1e-3, valley=RESULT["valley"], own=1e-2)
    assert [trace.name for trace in chart.data] == ["each step", "running mean", "suggested, 1e-3", "the rate above, 1e-2"]
    low, high = chart.layout.yaxis.range
    assert low < 0.5
    assert 1.0 < high < 3.0
    assert chart.layout.xaxis.type == "log"
    assert (chart.layout.shapes[0].x0, chart.layout.shapes[0].x1) == (1e-4, 1e-2)


def test_a_curve_that_has_just_begun_can_be_drawn() -> None:
    assert len(find_rate_figure(RATES[:2], LOSSES[:2], SMOOTH[:2], own=1.0).data) == 2
    assert len(find_rate_figure([], [], []).data) == 2


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (None, "One ramp tells"),
        (2e-3, "The rate above is close to it."),
        (1e-2, "The rate above, 1e-2, is 10 times higher, within the fall all the same."),
        (1e-5, "The rate above, 1e-5, is 100 times lower, outside the fall."),
    ],
)
def test_the_sentence_is_about_the_numbers_shown(own: float | None, words: str) -> None:
    reading = find_rate_reading(RESULT, own)
    assert reading.startswith(
        "5 steps on 1,600 training images, from 1e-5 to 1e-1: the loss falls between 1e-4 and 1e-2, and 1e-3"
    )
    assert "At 1e-1 it had diverged." in reading
    assert words in reading


def test_no_suggestion_is_said_so() -> None:
    nothing = RESULT | {"suggestion": None, "valley": None, "stopped": "ended"}
    assert "falls at no rate, so none is suggested. It never diverged." in find_rate_reading(nothing, 1e-3)
