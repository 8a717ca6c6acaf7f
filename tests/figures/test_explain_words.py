"""What an explanation says: verdicts at their edges, and what goes out with a picture."""

import pytest

from tlcore.figures.explain_words import deletion_words, picture_sentences, provenance, randomization_words, scales


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
