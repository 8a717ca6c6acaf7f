"""What an explanation says: verdicts at their edges, and what goes out with a picture."""

import pytest

from tlcore.figures.explain_words import (
    deletion_words,
    own_scale,
    picture_sentences,
    provenance,
    randomization_words,
    scales,
    unlike_words,
)


def _row(value, low, high, between=0.6):
    return [{"group": "stem", "spearman": {"value": value, "low": low, "high": high}, "between": between}]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (_row(-0.4, -0.5, -0.3), "they depend on what was learned."),
        (_row(0.8, 0.7, 0.9), "they mostly outline the image"),
        (_row(0.5, 0.3, 0.7), "cannot be told"),
        (_row(0.95, None, None), "too few images to tell"),
        (_row(None, None, None), "no evidence at all"),
    ],
)
def test_random_weights_are_judged_by_the_interval(row, verdict):
    said = randomization_words(row)
    assert verdict in said
    assert ("maps of different pictures: 0.60" in said) == (row[0]["spearman"]["value"] is not None)


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict"),
    [
        (-0.1, -0.2, -0.01, "the answer hangs on them"),
        (-0.1, -0.2, 0.02, "within noise"),
        (0.1, 0.02, 0.2, "do not trust these maps"),
    ],
)
def test_deletion_is_judged_by_the_paired_interval(value, low, high, verdict):
    found = {
        "images": 48,
        "whole": 0.9,
        "blurred": 0.5,
        "deletion": {"less_random": {"value": value, "low": low, "high": high}},
    }
    assert verdict in deletion_words(found)


def _result(dataset):
    looks = [{"key": "run", "title": "Run 1234", "run": "RUN", "epoch": None}]
    return {
        "dataset": dataset,
        "split": "test",
        "method": "gradcam",
        "against": None,
        "backbone": "resnet18",
        "strategy": "full",
        "made_with": {"maths": 2},
        "picture": None,
        "looks": looks,
        "images": [{"id": "Jane Doe.png", "target": "ill"}],
        "maps": [{"key": "a", "look": "run", "layer": "stage 4", "peaks": [2.0, 0.0, 1.0]}],
    }


def test_what_goes_out_with_a_picture_names_neither_folder_nor_file_of_ones_own_data():
    result = _result("/somewhere/jane/films")
    said = provenance(result, result["maps"][0], 0)
    assert "jane" not in said.lower()
    assert "image 1 of this explanation" in said
    assert "Jane Doe.png" in provenance(_result("digits"), result["maps"][0], 0)  # a catalogued file names nobody


def test_the_scale_is_that_of_nine_in_ten_peaks_and_silent_maps_do_not_count():
    assert scales(_result("digits"))["a"] == pytest.approx(1.9)
    silent = _result("digits")
    silent["maps"][0]["peaks"] = [0.0, 0.0]
    assert scales(silent) == {"a": 0.0}


def test_a_picture_without_calibration_says_so():
    (said,) = picture_sentences({"prediction": "ill", "probability": 0.9, "calibrated": None})
    assert said.endswith("How often it is right when it says so is not known.")


def _of_a_picture(**changes):
    known = {"method": "gradcam", "layer": "stage 4", "side": 4, "value": 5.0}
    picture = {"target": "ill", "prediction": "ill", "measured": {"map_scale": known}}
    result = _result("digits") | {"picture": picture, "images": []}
    result["maps"] = [{"key": "a", "look": "run", "layer": "stage 4", "side": 4, "peaks": [0.5]}]
    return result | changes


def test_the_map_of_a_new_picture_is_on_its_runs_scale_where_that_is_known():
    assert scales(_of_a_picture()) == {"a": 5.0}  # a tenth as strong as maps of this run are: it looks weak
    other = {"target": "well", "prediction": "ill", "measured": _of_a_picture()["picture"]["measured"]}
    for changes in ({"method": "occlusion"}, {"against": "well"}, {"picture": other}, {"picture": other | {"measured": None}}):
        result = _of_a_picture(**changes)
        assert own_scale(result) is None
        assert scales(result) == {"a": 0.5}


@pytest.mark.parametrize(
    ("judged", "words"),
    [
        ({"unlike": True, "can_tell": True}, "this is said of 8.0 % (6.0 to 10.0) of test images."),
        ({"unlike": False, "can_tell": True}, "(the alarm is wrong for 8.0 % (6.0 to 10.0) of test images)."),
        ({"unlike": False, "can_tell": False}, "too few validation images"),
    ],
)
def test_the_alarm_tells_how_often_it_was_false_and_not_how_often_it_was_to_be(judged, words):
    on_test = {"value": 0.08, "low": 0.06, "high": 0.1, "method": "wilson"}
    assert words in unlike_words(judged | {"false_alarms": 0.05}, on_test)
    if judged["can_tell"]:
        assert "5 % by design" in unlike_words(judged | {"false_alarms": 0.05})


def test_one_picture_has_no_interval_and_says_so():
    one = {"images": 1, "whole": 0.9, "blurred": 0.5}
    areas = {"map": {"value": 0.6}, "random": {"value": 0.7}, "less_random": {"value": -0.1, "low": None, "high": None}}
    said = deletion_words(one | {"deletion": areas})
    assert said.startswith("Of 1 image, the target's probability goes from 90.0 % to 50.0 %")
    assert said.endswith("the area is 0.600, and 0.700 where random places are: one picture has no interval.")
