"""CKA, what moved and the shift over the stack: numbers where they belong, sentences where there are none."""

from __future__ import annotations

import pytest

from tests.figures.layers_made import GROUPS, RUN, result
from tlcore.figures.layers_cka import cka_by_depth, cka_map, cka_table, pair_title, pairs
from tlcore.figures.layers_moved import drift_over_epochs, moved_by_depth, moved_table
from tlcore.figures.layers_shift import shift_by_depth, shift_table

OWN, TUNED = "pretrained ~ pretrained", f"pretrained ~ {RUN}"


def test_cka_has_a_line_for_each_pair_of_two_networks() -> None:
    chart, reading = cka_by_depth(result())
    assert pairs(result()) == ["pretrained ~ random", TUNED]
    bands, lines = chart.data[::2], chart.data[1::2]
    assert [tuple(trace.y) for trace in lines] == [(0.9, 0.3, 0.1), (0.99, 0.9, 0.6)]
    assert tuple(bands[1].y) == pytest.approx((1.0, 0.92, 0.62, 0.58, 0.88, 0.97))  # along the upper ends and back
    assert [trace.fill for trace in bands] == ["toself"] * 2
    told = "Pretrained and Run 0abc: most alike at stem, 0.990 (0.970 to 1.000), least at stage 2, 0.600 (0.580 to 0.620)."
    assert told in reading
    assert "1,000 images. The bands are 95 % intervals, from drawing the patients anew 500 times." in reading[-1]


def test_where_intervals_of_cka_overlap_the_order_is_left_open() -> None:
    made = result()
    made["groups"][-1]["cka_interval"][TUNED] = [0.5, 0.98]
    (told,) = [sentence for sentence in cka_by_depth(made)[1] if "Run 0abc" in sentence]
    assert told.endswith("0.600 (0.500 to 0.980); the intervals overlap, so it may be the other way round on other images.")


def test_a_result_of_before_the_intervals_says_that_it_has_none() -> None:
    made = result()
    for entry in made["groups"]:
        del entry["cka_interval"]
    for name in ("interval_over", "draws"):
        del made["cka"][name]
    chart, reading = cka_by_depth(made)
    assert "most alike at stem, 0.990, least at stage 2, 0.600." in reading[1]
    assert "no interval" in reading[-1]
    assert not any(trace.y for trace in chart.data[::2])
    assert cka_table(made)[0]["95 % from"] is None


def test_runs_are_not_laid_beside_random_weights_that_they_never_had() -> None:
    made = result()
    made["cka"]["pairs"] |= {f"random ~ {RUN}": [[0.1] * 3] * 3, f"{RUN} ~ {RUN}": [[1.0] * 3] * 3}
    assert pairs(made) == ["pretrained ~ random", TUNED]


def test_a_pair_that_did_not_change_is_said_to_be_alike_everywhere() -> None:
    still = result()
    for entry in still["groups"]:
        entry["cka"] = {TUNED: 0.999}
    assert "about equally alike everywhere (0.999 to 0.999)" in cka_by_depth(still)[1][0]


def test_a_map_is_read_by_its_diagonal() -> None:
    chart, reading = cka_map(result(), TUNED)
    assert list(chart.data[0].z[2]) == [0.2, 0.65, 0.6]
    assert "2 of 3 layers of Pretrained are most like the layer at their own depth in Run 0abc" in reading
    assert "The highest value, 0.990, is between stem and stem" in reading
    assert "Neighbouring layers: 0.55 on average." in cka_map(result(), OWN)[1]
    assert pair_title(OWN) == "Pretrained, its own layers"
    rows = cka_table(result())
    assert len(rows) == 27
    sure = [row for row in rows if row["95 % from"] is not None]
    assert [row["to"] for row in sure] == pytest.approx([0.92, 0.32, 0.12, 1.0, 0.92, 0.62])


def test_a_layer_that_is_the_same_for_every_image_leaves_empty_cells() -> None:
    found = result()
    for pair, table in found["cka"]["pairs"].items():
        found["cka"]["pairs"][pair] = [
            [None if 1 in (i, j) else value for j, value in enumerate(row)] for i, row in enumerate(table)
        ]
    chart, reading = cka_map(found, TUNED)
    assert list(chart.data[0].z[1]) == [None] * 3
    assert {note.text for note in chart.layout.annotations} == {"0.99", "0.20", "0.60", ""}
    assert "2 of 3 layers of Pretrained are most like" in reading
    assert "Empty cells: a layer gives the same for every image" in reading
    own = cka_map(found, OWN)[1]
    assert "No two neighbouring layers have a value. The first and the last, stem and stage 2: 0.20." in own
    assert "nan" not in f"{reading} {own}"
    found["cka"]["pairs"][TUNED] = [[None] * 3] * 3
    assert cka_map(found, TUNED)[1].startswith("Empty cells")


def test_what_moved_leaves_the_head_out_of_the_picture_and_not_out_of_the_table() -> None:
    chart, reading = moved_by_depth(result(), "weight_drift")
    assert chart is not None
    assert tuple(chart.data[1].y) == pytest.approx((1, 2, 3))  # percent
    assert tuple(chart.data[0].y) == ()  # weights are no sample: there is no band
    assert "Run 0abc: stage 2 the most, 3.00 %, stem the least, 1.00 %." in reading
    assert [row["group"] for row in moved_table(result())] == [*GROUPS, "head"]
    chart, reading = moved_by_depth(result(), "activation_drift")
    assert chart is not None
    assert [trace.name for trace in chart.data[1::2]] == ["Run 0abc, these images", "Run 0abc, photographs"]
    assert tuple(chart.data[0].y) == pytest.approx((0, 16, 26, 14, 4, 0))
    most = "stage 2 the most, 20.0 % (14.0 % to 26.0 %), stage 1 the least, 10.0 % (4.00 % to 16.0 %)"
    assert f"{most}; the intervals overlap, so which is which may be chance." in reading[0]
    assert "1 of 3 groups did not move." in reading[0]
    assert any("The bands are 95 % intervals" in sentence for sentence in reading)
    assert moved_table(result())[1]["activation_drift to"] == pytest.approx(0.16)


def test_a_network_that_gives_out_many_times_as_much_has_blown_up() -> None:
    assert not any("blown up" in sentence for sentence in moved_by_depth(result(), "activation_drift")[1])
    made = result()
    made["moved"][RUN]["stage 2"] |= {"activation_drift": 9.25, "activation_drift_interval": None}
    told = next(sentence for sentence in moved_by_depth(made, "activation_drift")[1] if "blown up" in sentence)
    # |a - a0| = 9.25 |a0|, so by the triangle inequality |a| is at least 8.25 |a0|.
    assert told.startswith("Run 0abc, these images: stage 2 gives out at least 8 times as much as before.")
    made["moved"][RUN]["stage 2"]["weight_drift"] = 9.25
    assert not any("blown up" in sentence for sentence in moved_by_depth(made, "weight_drift")[1])


def test_a_quantity_of_one_network_is_shown_before_and_after() -> None:
    chart, reading = moved_by_depth(result(), "gradient")
    assert chart is not None
    assert [trace.name for trace in chart.data[1::2]] == ["Run 0abc, before", "Run 0abc, after"]
    assert chart.layout.yaxis.type == "log"
    assert "the greatest change is in stage 2, from 0.5 to 0.167 (0.33 times)" in reading[0]


def test_a_quantity_that_no_group_has_is_a_sentence() -> None:
    chart, why = moved_by_depth(result(), "batchnorm_drift")
    assert chart is None
    assert why == ["There is no BatchNorm in stem, stage 1 and stage 2."]


def test_a_reason_that_holds_for_some_runs_alone_names_them() -> None:
    made = result()
    other = RUN.replace("0abc", "0def")
    rows = {
        name: row | {"gradient_after": None, "why": {"gradient_after": "It cannot."}}
        for name, row in made["moved"][RUN].items()
    }
    both = result(moved=made["moved"] | {other: rows}, weights=made["weights"] | {other: "Another."})
    assert "Run 0def: It cannot." in moved_by_depth(both, "gradient")[1]
    assert "It cannot." in moved_by_depth(result(moved={RUN: rows}), "gradient")[1]


def test_drift_over_the_epochs_is_a_map_of_groups_without_the_head() -> None:
    epochs = [{"epoch": n, "drift": {"stem": 0.0, "stage 1": 0.01 * (n + 1), "head": 1.0}} for n in range(2)]
    chart, reading = drift_over_epochs(epochs, RUN)
    assert list(chart.layout.yaxis.ticktext) == ["stem", "stage 1"]
    assert list(chart.data[0].z[0]) == [None, None]  # a group that kept still has no colour
    assert [note.text for note in chart.layout.annotations] == ["0", "0", "1", "2"]
    assert "stage 1 went furthest, 2.00 %; 50 % as far after the first epoch." in reading
    still = [{"epoch": 0, "drift": {"stem": 0.0, "head": 1.0}}]
    assert "no weight of the backbone moved" in drift_over_epochs(still, RUN)[1]


def test_the_shift_is_held_against_chance() -> None:
    chart, reading = shift_by_depth(result(), "a_distance")
    assert chart is not None
    assert tuple(chart.data[1].y) == (0.2, 0.2, 0.2)
    assert "More than chance at 2 of 3 places, first at stage 1. Furthest at stage 2: 1.000 (0.900 to 1.100)" in reading
    assert "200 images of Everyday photographs" in reading
    chart, reading = shift_by_depth(result(), "shift")
    assert "More than chance at 2 of 3 places, first at stage 1" in reading
    assert len(shift_table(result())) == 3


def test_a_shift_without_an_interval_counts_by_its_value() -> None:
    sure = result()
    for entry in sure["groups"]:
        entry["shift"]["a_distance"] = {"value": 2.0, "low": None, "high": None, "chance": 0.3}
    told = shift_by_depth(sure, "a_distance")[1]
    assert told.startswith("More than chance at every place. Furthest, 2.000, at every place. ")
    sure["groups"][0]["shift"]["a_distance"]["value"] = 1.5
    assert "Furthest, 2.000, at 2 of 3 places, first at stage 1." in shift_by_depth(sure, "a_distance")[1]
    assert told.endswith("No interval at 3 places, where all resamples give the same.")


def test_a_shift_that_is_chance_or_was_not_measured_is_said() -> None:
    alike = result()
    for entry in alike["groups"]:
        entry["shift"]["a_distance"] = {"value": 0.1, "low": 0.0, "high": 0.2, "chance": 0.2}
    assert "At no place is the distance more than what chance gives" in shift_by_depth(alike, "a_distance")[1]
    for entry in alike["groups"]:
        entry["shift"], entry["why"]["shift"] = None, "The pretrained weights were not asked."
    assert shift_by_depth(alike, "shift") == (None, "The pretrained weights were not asked.")
