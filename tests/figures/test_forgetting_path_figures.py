"""The way from the start to the run with its best point, and relearning: numbers that can be checked."""

from __future__ import annotations

import pytest

from tests.figures.forgetting_made import agreement, labelled, lost, result
from tlcore.figures.forgetting_path import bend_reading, best_reading, modes, path, path_reading, path_table
from tlcore.figures.forgetting_relearn import relearn, relearn_reading, relearn_table

SOURCE = "imagenet-cifar10"


def test_a_point_is_held_against_the_fine_tuned_weights():
    assert modes(result(), SOURCE) == ["interpolated", "recomputed"]
    assert path_reading(result(), SOURCE, "interpolated", 2) == (
        "At a = 0.50: source 55.0 %, target 92.0 %. Against the fine-tuned weights the source has 15.0 points more, and "
        "the target has 2.0 points less. By itself each source value is good to about ±4.3 points (500 images)."
    )
    assert path_reading(result(), SOURCE, "interpolated", 4).endswith("These are the fine-tuned weights.")
    chart, _ = path(result(), SOURCE, "interpolated", 2, 0.5)
    assert list(chart.data[0].y) == pytest.approx([60, 58, 55, 48, 40])
    assert chart.data[0].marker.size[2] == 15
    assert chart.layout.yaxis.title.text == "Accuracy (%)"
    agrees = result(sources={"natural-photos": agreement(path=labelled()["path"])})
    assert path(agrees, "natural-photos", "interpolated", 2)[0].layout.yaxis.title.text == "Share of images (%)"


def test_the_best_point_names_its_source_its_floor_and_how_sure_it_is() -> None:
    words = best_reading(result(), SOURCE, "interpolated", 2, 0.55)
    assert words.startswith(
        "ImageNet, on CIFAR-10: the best point that keeps 55.0 % of it (5.0 points under what it knew before, 60.0 %) is a = "
        "0.50: source 55.0 %, target 92.0 % ± 2.4 points (500 images)."  # Wilson: (.893 to .941)
    )
    assert "it flatters itself" in words
    assert "of it is a = " in best_reading(result(), SOURCE, "interpolated", 0, 0.6)


def test_the_best_point_counts_patients_where_the_images_are_theirs() -> None:
    words = best_reading(result(target=result()["target"] | {"units": 100}), SOURCE, "interpolated", 2, 0.55)
    assert "target 92.0 % ± 5.4 points (500 images of 100 patients)" in words  # Wilson of 92 of 100: (.850 to .959)


def paired() -> dict:
    """A measurement that paired each point with the run."""
    made = result()
    made["sources"][SOURCE]["path_back"] = {"interpolated": [lost(value) for value in (0.2, 0.18, 0.15, 0.02, 0.0)]}
    made["target"]["path_paid"] = {"interpolated": [lost(value) for value in (0.32, 0.14, 0.02, 0.0, 0.0)]}
    return made


def test_a_point_is_paired_with_the_run_where_it_was_measured_so() -> None:
    assert path_reading(paired(), SOURCE, "interpolated", 1) == (
        "At a = 0.25: source 58.0 %, target 80.0 %. Against the fine-tuned weights the source has 18.0 points more (+15.0 to "
        "+21.0), and the target has 14.0 points less (−17.0 to −11.0)."
    )
    assert "2.0 points less (−5.0 to +1.0, within noise)" in path_reading(paired(), SOURCE, "interpolated", 2)
    assert bend_reading(paired(), SOURCE, "interpolated").endswith("8.0 points more (−1.0 to +5.0), within noise.")
    row = path_table(paired(), SOURCE)[1]
    assert (row["source returned low"], row["target paid high"]) == (pytest.approx(0.15), pytest.approx(0.17))


@pytest.mark.parametrize("ways", [("interpolated", "recomputed"), ("interpolated",)])
def test_recomputed_statistics_are_not_offered_where_batchnorm_kept_still(ways: tuple[str, ...]) -> None:
    still = labelled(why={"batchnorm": "BatchNorm kept still in this run: its running means are those that it started with."})
    still["path"] = {way: still["path"][way] for way in ways}
    assert modes(result(sources={SOURCE: still}), SOURCE) == ["interpolated"]
    assert {row["batchnorm"] for row in path_table(result(sources={SOURCE: still}), SOURCE)} == {"interpolated"}


def test_what_was_lost_for_nothing_is_told_from_noise():
    assert "At a = 0.75 the target is as good" in bend_reading(result(), SOURCE, "interpolated")
    assert bend_reading(result(), SOURCE, "interpolated").endswith("8.0 points more: that much was lost for nothing.")
    near = labelled(path={"interpolated": [0.6, 0.5, 0.45, 0.42, 0.40]})
    changed = result(sources={SOURCE: near})
    assert bend_reading(changed, SOURCE, "interpolated").endswith("2.0 points more, within noise.")
    target = result()["target"] | {"path": {"interpolated": [0.6, 0.7, 0.8, 0.9, 0.94]}}
    assert "here what is kept of the source is paid for" in bend_reading(result(target=target), SOURCE, "interpolated")


def test_the_table_of_the_path_has_every_point_of_both_ways():
    rows = path_table(result(), SOURCE)
    assert len(rows) == 10
    assert rows[2] == {"a": 0.5, "batchnorm": "interpolated", "source": 0.55, "target": 0.92}


# --- relearning


RELEARN = {
    "steps": [0, 10, 20],
    "curves": {"pretrained": [0.1, 0.6, 0.7], "run": [0.1, 0.5, 0.6], "random": [0.1, 0.2, 0.5]},
    "images": 500,
    "chance": 0.1,
}


def test_relearning_is_read_against_random_weights():
    words = "30.0 points (24.4 to 35.6) ahead of random ones, more than noise. Those take 20 steps"
    assert words in relearn_reading(RELEARN), "without pairs: 1.96 √((.5 · .5 + .2 · .8)/500)"
    few = RELEARN | {"images": 10}
    assert "Nothing shows that it learns the source faster" in relearn_reading(few)
    assert "Too few starts" in relearn_reading(RELEARN | {"curves": {"run": [0.1, 0.2, 0.3]}})
    chart, _ = relearn(RELEARN)
    assert len(chart.data) == 4  # and chance
    assert relearn_table(RELEARN)[1]["run"] == 0.5


def test_relearning_with_intervals_is_paired_on_the_same_images() -> None:
    flat = lost(0.0)
    paired = RELEARN | {
        "spans": {start: [[value - 0.04, value + 0.04] for value in own] for start, own in RELEARN["curves"].items()},
        "ahead": {"random": [flat, lost(0.3, 0.02), flat], "pretrained": [flat, lost(-0.1, 0.02), flat]},
    }
    reading = relearn_reading(paired)
    assert "50.0 % (46.0 to 54.0) from the fine-tuned weights" in reading
    assert "30.0 points (28.0 to 32.0) ahead of random ones" in reading
    assert reading.endswith("10.0 points (8.0 to 12.0) behind the weights of the start: that much has to be learned again.")
    level = paired | {"ahead": paired["ahead"] | {"pretrained": [flat] * 3}}
    assert "Against the weights of the start the difference is within noise: 0.0 points" in relearn_reading(level)
    noisy = paired | {"ahead": {"random": [flat, lost(0.3, 0.31), flat], "pretrained": [flat] * 3}}
    assert "Nothing shows that it learns the source faster" in relearn_reading(noisy)
    chart, _ = relearn(paired)
    assert list(chart.data[1].error_y.array) == pytest.approx([4, 4, 4])
    row = relearn_table(paired)[1]
    assert (row["run low"], row["run minus random high"]) == (pytest.approx(0.46), pytest.approx(0.32))
