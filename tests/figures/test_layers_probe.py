"""The probe by depth: what is drawn where, and what its reading claims."""

from __future__ import annotations

import pytest

from tests.figures.layers_made import AUROC, GROUPS, REACH, RUN, measured, result
from tlcore.cli.layers import text
from tlcore.figures.layers_axis import Depth
from tlcore.figures.layers_probe import intervals_words, probe_by_depth, probe_reading, probe_table
from tlcore.figures.layers_words import headline, level_words
from tlcore.figures.palette import ICE, WARM


def test_each_source_is_a_line_with_its_intervals_over_the_groups() -> None:
    chart, _ = probe_by_depth(result(), "auroc")
    lines = [trace for trace in chart.data if trace.mode == "lines+markers"]
    assert [tuple(line.y) for line in lines] == list(AUROC.values())
    assert lines[0].error_y.array == pytest.approx([REACH] * 3)
    assert lines[2].error_y.array[2] == pytest.approx(0.01)  # its interval ends at 1
    assert [round(x) for x in lines[0].x] == [0, 1, 2]
    assert len({line.marker.color for line in lines}) == len({line.marker.symbol for line in lines}) == 3


def test_the_slabs_are_those_of_the_recommended_level_and_the_best_is_ringed() -> None:
    chart, _ = probe_by_depth(result(), "auroc")
    slabs = [shape for shape in chart.layout.shapes if shape.type == "rect"]
    assert [slab.line.color for slab in slabs] == [ICE, ICE, WARM, WARM]
    (border,) = [shape for shape in chart.layout.shapes if shape.type == "line"]
    assert border.x0 == 1.5
    (ring,) = [trace for trace in chart.data if trace.marker.symbol == "circle-open"]
    assert ring.y == (0.95,)
    assert [text.replace("<br>", " ") for text in chart.layout.xaxis.ticktext] == [*GROUPS, "head"]


def test_of_equal_groups_the_uppermost_is_the_best_as_the_recommendation_has_it() -> None:
    equal = result()
    equal["groups"][2]["probe"]["pretrained"]["auroc"] = measured(0.95)
    chart, reading = probe_by_depth(equal, "auroc")
    (ring,) = [trace for trace in chart.data if trace.marker.symbol == "circle-open"]
    assert round(ring.x[0]) == 2
    assert reading[0].startswith("Pretrained: best at stage 1 and stage 2, which read alike, AUROC 0.950")
    equal["groups"][1]["probe"]["pretrained"]["auroc"] = measured(0.9503)  # more, and printed as the same
    assert (
        "stage 1 and stage 2, which read alike, AUROC 0.950 (0.930 to 0.970); at stem 0.150" in probe_reading(equal, "auroc")[0]
    )


def test_the_baseline_is_drawn_where_it_is_among_the_answers_and_said_in_any_case() -> None:
    chart, reading = probe_by_depth(result(), "auroc")
    assert not [trace for trace in chart.data if trace.line.dash == "dash"]
    assert reading[0].endswith("Always naming the largest class gets 0.500.")
    low = result()
    low["groups"][0]["probe"]["random"]["accuracy"] = measured(0.55)
    chart, reading = probe_by_depth(low, "accuracy")
    (level,) = [trace for trace in chart.data if trace.line.dash == "dash"]
    assert tuple(level.y) == (60.0, 60.0)
    assert reading[0].endswith("gets 60.0 %.")


def test_the_reading_tells_what_intervals_tell_apart() -> None:
    told = " ".join(probe_reading(result(), "auroc"))
    assert "Pretrained: best at stage 1, AUROC 0.950 (0.930 to 0.970)" in told
    assert "at stem 0.150 less (beyond both intervals)" in told
    assert "at stage 2 0.020 less (the intervals overlap)" in told
    assert "Beside Pretrained, it lies below it at 2 of 3 places beyond both intervals." in told  # random: not at the stem
    assert "Run 0abc: best at stage 2, AUROC 0.990" in told
    assert "Beside Pretrained, it lies above it at 1 of 3 places" in told


def test_without_intervals_nothing_is_said_to_lie_within_them() -> None:
    bare = result()
    for entry in bare["groups"]:
        for found in entry["probe"].values():
            found["auroc"] = {"value": found["auroc"]["value"], "low": None, "high": None, "method": None}
    chart, reading = probe_by_depth(bare, "auroc")
    assert "without 95 % interval" in chart.data[0].name
    assert not any("lie apart" in sentence or "both intervals" in sentence for sentence in reading)


def test_the_caption_speaks_of_intervals_only_where_there_are_some() -> None:
    bare = result(images={"train": 60, "val": 24, "test": 36})
    assert intervals_words(bare, "auroc") == "95 % intervals over patients"
    few = {"low": None, "high": None, "method": None, "reason": "too few test images of a class to draw others"}
    for entry in bare["groups"]:
        for found in entry["probe"].values():
            found["auroc"] |= few
    assert intervals_words(bare, "auroc") == "no intervals: too few test images of a class to draw others"
    assert intervals_words(bare, "accuracy") == "95 % intervals over patients"
    told = text(bare | {"run_id": RUN})
    assert "no intervals: too few test images of a class to draw others. To have them, ask with --images 1000." in told
    assert "--images" not in text(bare | {"run_id": RUN, "images": result()["images"]})
    assert "intervals over patients. Always" in text(result(run_id=RUN))


def test_a_place_without_a_probe_is_left_out() -> None:
    lacking = result()
    lacking["groups"][1]["probe"]["random"] = None
    chart, _ = probe_by_depth(lacking, "auroc")
    lines = [trace for trace in chart.data if trace.mode == "lines+markers"]
    assert tuple(lines[1].y) == (0.78, 0.77)
    rows = [row for row in probe_table(lacking) if row["weights"] == "random"]
    assert [row["auroc"] for row in rows] == [0.78, None, 0.77]


def test_the_table_has_every_number() -> None:
    rows = probe_table(result())
    assert len(rows) == 9
    assert rows[1] | {"weights": "pretrained", "layer": "stage 1", "auroc": 0.95, "penalty": 0.1} == rows[1]
    assert rows[1]["auroc 95 % from"] == pytest.approx(0.93)
    assert {row["weights"] for row in rows} == {"pretrained", "random", RUN}


def test_blocks_stand_side_by_side_on_their_groups_slab() -> None:
    made = result()
    made["groups"][0] = made["groups"][0] | {"name": "blocks.0"}
    made["groups"][1] = made["groups"][1] | {"group": "stem", "name": "stem"}
    depth = Depth.of(made)
    assert depth.groups == ("stem", "stage 2", "head")
    assert depth.places["blocks.0"] == pytest.approx(-0.38)
    assert depth.places["stem"] == pytest.approx(0.38)
    assert depth.places["stage 2"] == 1


def test_a_difference_without_an_interval_says_so() -> None:
    bare = result()
    bare["groups"][0]["probe"]["pretrained"]["auroc"] = {"value": 0.8, "low": None, "high": None, "method": None}
    assert "at stem 0.150 less (without an interval)" in probe_by_depth(bare, "auroc")[1][0]


def test_the_best_is_a_whole_group_even_where_a_block_within_it_does_better() -> None:
    made = result()
    made["groups"][1] = made["groups"][1] | {"group": "stage 2", "name": "blocks.1"}
    chart, reading = probe_by_depth(made, "auroc")
    (ring,) = [trace for trace in chart.data if trace.marker.symbol == "circle-open"]
    assert ring.y == (0.93,)
    assert reading[0].startswith("Pretrained: best at stage 2, AUROC 0.930")


@pytest.mark.parametrize(
    ("group", "sure", "short", "long"),
    [
        (
            "stage 2",
            False,
            "Perhaps unfreeze from stage 2 up",
            "stage 1 reads best, though the lead over stage 2 may be noise.",
        ),
        ("stage 2", True, "Unfreeze from stage 2 up", "beyond noise"),
        ("head", True, "Train the head alone", "more than noise"),
        ("head", False, "Train the head alone", "serves as well within noise"),
    ],
)
def test_the_recommendation_says_whether_it_is_more_than_noise(group: str, sure: bool, short: str, long: str) -> None:
    advice = result()["recommendation"] | {"group": group, "more_than_noise": sure}
    assert level_words(advice) == short
    assert long in headline(advice)
    assert "No level can be recommended" in headline(None)


@pytest.mark.parametrize(
    ("group", "words"), [("head", "and next off stage 2"), ("stage 2", "Perhaps unfreeze from stage 2 up")]
)
def test_a_lead_without_an_interval_is_not_called_noise(group: str, words: str) -> None:
    lead = {"value": 0.02, "low": None, "high": None, "over": "stage 2"}
    told = headline(result()["recommendation"] | {"group": group, "lead": lead})
    assert words in told
    assert "too few, or too alike, to tell whether" in told
    assert "within noise" not in told


def test_where_labels_are_few_the_headline_says_so_and_not_that_the_top_reads_best() -> None:
    advice = result()["recommendation"] | {"group": "head", "why": "few", "labelled": 40, "best": "stage 1"}
    assert headline(advice) == "Train the head alone: 40 labels are mostly too few to move more, though stage 1 reads best."
