"""What is said and drawn of a person's own picture."""

from __future__ import annotations

from typing import Any

import pytest

from tlcore.figures.explain_own import (
    coverage_words,
    distance_words,
    ece_words,
    false_alarm_words,
    nearest_words,
    probabilities,
    probabilities_table,
    set_words,
)

TOLD = {"probabilities": {"a": 0.2, "<b>": 0.7, "c": 0.1}}
PLAIN = {"a": 0.05, "<b>": 0.9, "c": 0.05}


def test_the_most_probable_class_is_on_top_and_nothing_is_markup() -> None:
    chart = probabilities(TOLD, PLAIN)
    bars = {bar.name: dict(zip(bar.y, bar.x, strict=True)) for bar in chart.data}
    assert bars["calibrated"] == pytest.approx({"c": 10, "a": 20, "&lt;b&gt;": 70})
    assert bars["as the network says"] == pytest.approx({"c": 5, "a": 5, "&lt;b&gt;": 90})
    assert chart.data[0].y[-1] == "&lt;b&gt;"  # Plotly begins at the bottom
    rows = probabilities_table(TOLD, PLAIN)
    assert [row["class"] for row in rows] == ["<b>", "a", "c"]
    assert rows[0] == {"class": "<b>", "calibrated": 0.7, "as the network says": 0.9}


def test_of_many_classes_the_likeliest_are_drawn() -> None:
    many = {f"class {i}": i / 1000 for i in range(40)}
    chart = probabilities({"probabilities": many}, many)
    assert list(chart.data[0].y) == [f"class {i}" for i in range(30, 40)]


@pytest.mark.parametrize(
    ("members", "confidence", "fewest", "on", "words"),
    [
        (["a"], 0.9, 9, 100, "This one is a alone."),
        (["a", "b"], 0.9, 9, 100, "This one: a and b."),
        (["a", "b", "c"], 0.9, 9, 100, "at that confidence the network cannot tell"),
        (["a", "b", "c"], 0.99, 99, 24, "takes 99 validation images to tell, and there are 24: every class stays in."),
    ],
)
def test_the_set_says_what_it_promises(members: list[str], confidence: float, fewest: int, on: int, words: str) -> None:
    assert words in set_words(members, 3, confidence, fewest, on)


def _coverage(**changes: Any) -> dict[str, Any]:
    covered = {"value": 0.88, "low": 0.85, "high": 0.91}
    return {"n": 400, "promise": 0.9, "kept": True, "covered": covered, "size": 1.2, "single": 0.8} | changes


def test_whether_the_promise_held() -> None:
    words = coverage_words(_coverage(), "patients")
    assert "the promise of 90 % was kept: the truth was in 88.0 % (85.0 to 91.0) of the sets, over patients." in words
    assert "1.20 classes on average, and 80 % had one alone." in words
    assert "was not kept" in coverage_words(_coverage(kept=False), "images")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": -0.05, "low": -0.08, "high": -0.02}, "5.0 points less, more than noise."),
        ({"value": 0.03, "low": 0.01, "high": 0.05}, "3.0 points more, more than noise."),
        ({"value": -0.01, "low": -0.03, "high": 0.01}, "a difference within noise."),
        ({"value": -0.01, "low": None, "high": None}, "a difference within noise."),
        ({"value": 0, "low": None, "high": None}, "nothing was changed."),
    ],
)
def test_calibration_is_told_with_its_noise(change: dict[str, Any], words: str) -> None:
    told = ece_words({"n": 500, "before": {"ece": 0.1}, "after": {"ece": 0.05}, "change": change})
    assert told.startswith("Expected calibration error on 500 test images: 0.100 before, 0.050 after")
    assert told.endswith(words)


def test_without_test_images_there_is_no_calibration_error() -> None:
    nothing = {"n": 0, "before": {"ece": None}, "after": {"ece": None}, "change": {"value": None, "low": None, "high": None}}
    assert "no images" in ece_words(nothing)


def test_the_nearest_are_counted_by_class() -> None:
    near = [{"class": name} for name in "aaba c".replace(" ", "")]
    assert nearest_words(near[:2], "a") == "All 2 nearest training images are a, as it answers."
    assert nearest_words(near, "a") == "Of the 5 nearest training images 3 are a, as it answers; 1 b and 1 c."
    assert nearest_words(near, "z").startswith("Of the 5 nearest training images 0 are z, as it answers; 3 a")
    assert nearest_words([], "a") == ""


def test_distances_stand_beside_their_thresholds() -> None:
    judged = {
        "knn": {"distance": 0.22, "threshold": 0.31, "beyond": 0.33},
        "mahalanobis": {"distance": 1439.2, "threshold": None, "beyond": None},
    }
    first, second = distance_words(judged)
    assert first.endswith("0.22 (threshold 0.31; 33 % of validation images are as far or farther).")
    assert second.endswith("1.44e+03 (no threshold).")
    assert distance_words({name: one | {"distance": None} for name, one in judged.items()}) == []


def test_the_alarms_promise() -> None:
    found = {"false_alarms": 0.05, "on_test": {"value": 0.04, "low": 0.02, "high": 0.07}}
    assert "wrong for 5 % of validation images; on the test split it was for 4.0 % (2.0 to 7.0)." in false_alarm_words(found)
