"""The figures of an explanation: what stands in them is what was measured, and the sentences follow from it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.figures.explain_made import curves, explanation, maps, metric, randomization, stability, within
from tlcore.figures.explain_closer import closer, region_words
from tlcore.figures.explain_curves import curve, curve_rows, curve_sentences, insertion_words
from tlcore.figures.explain_inside import (
    firing,
    inside,
    inside_rows,
    regions,
)
from tlcore.figures.explain_inside_words import corner_words, counted_words, exchanged_words, inside_words, there_words
from tlcore.figures.explain_overlay import EVIDENCE, colours, exported, overlay
from tlcore.figures.explain_sanity import change_words, randomized, similarity_rows
from tlcore.figures.explain_sanity import stability as stability_figure
from tlcore.figures.explain_sheet import GAP, joined
from tlcore.figures.explain_words import scales

GRAY = np.full((8, 8, 3), 100, np.uint8)


def test_the_closer_look_has_the_maps_own_places_and_the_overlays_colours() -> None:
    values = np.array([[0.0, 1.0], [2.0, 4.0]], np.float32)
    figure = closer(GRAY, values, scale=4.0, strength=0.5, signed=False)
    heat = figure.data[0]
    assert np.array_equal(heat.z, values)
    assert (heat.x0, heat.dx, heat.y0, heat.dy) == (0.25, 0.5, 0.25, 0.5)  # the middles of two cells
    assert (heat.zmin, heat.zmax) == (0, 4.0)
    red, green, blue = colours(EVIDENCE)[255]
    assert heat.colorscale[0][1].endswith(",0.000)")  # no evidence: the picture shows through
    assert heat.colorscale[-1] == (1.0, f"rgba({red},{green},{blue},0.500)")
    assert figure.layout.images[0].source.startswith("data:image/png;base64,")
    assert not figure.layout.shapes


def test_a_signed_map_has_a_scale_on_both_sides_of_nothing() -> None:
    heat = closer(GRAY, np.array([[-1.0, 1.0]], np.float32), scale=2.0, strength=1.0, signed=True).data[0]
    assert (heat.zmin, heat.zmax) == (-2.0, 2.0)
    middle = dict(heat.colorscale)[0.5]
    assert middle.endswith(",0.000)")


def test_a_region_is_framed_and_read_against_its_area() -> None:
    figure = closer(GRAY, np.ones((2, 2), np.float32), scale=1.0, strength=0.5, signed=False, region=(0.25, 0.75, 0, 0.5))
    assert [(shape.x0, shape.x1, shape.y0, shape.y1) for shape in figure.layout.shapes] == [(0.25, 0.75, 0, 0.5)] * 2
    assert region_words("This run", 0.5, 0.25) == (
        "This run: 50.0 % of the positive evidence lies in the region, 2 times its share of the picture."
    )
    assert "has no positive evidence" in region_words("This run", float("nan"), 0.25)


def test_curves_and_their_sentences_follow_the_paired_differences() -> None:
    found = curves()
    figure = curve(found, "deletion")
    assert figure is not None
    assert list(figure.data[0].y) == pytest.approx([90, 50, 50])
    assert figure.data[0].name == "what the maps point at first: area 0.500"
    better = curve_sentences(found, "deletion")
    assert "the answer hangs on them" in better[0]
    assert better[1] == "Against a blob in the middle the area is +0.000 (-0.020 to +0.020): within noise."
    assert better[2] == "8 maps without any order of places left out."
    assert insertion_words(found).endswith("Against random places the area is +0.100 (+0.080 to +0.120): the maps do better.")
    worse = curves(better=0.1)
    assert insertion_words(worse).endswith("(-0.120 to -0.080): the maps do worse.")
    assert {row["area of"] for row in curve_rows(found)} >= {"maps", "random places", "maps less middle"}
    assert len(curve_rows(found)) == 10


def test_without_an_order_of_places_there_is_no_curve() -> None:
    none = {"value": None, "low": None, "high": None, "method": None}
    found = curves()
    for direction in ("deletion", "insertion"):
        found[direction]["curves"] = dict.fromkeys(("map", "random", "centre"))
        found[direction]["less_random"] = found[direction]["less_centre"] = none
    assert curve(found, "deletion") is None
    assert curve_sentences(found, "insertion") == ["No map has an order of places, so nothing could be put in."]


def test_likeness_is_drawn_with_intervals_and_listed() -> None:
    figure = randomized(randomization())
    assert list(figure.data[0].x) == ["head", "stage 7"]
    assert list(figure.data[0].y) == [0.8, 0.1]
    assert list(figure.data[0].error_y.array) == pytest.approx([0.02, 0.02])
    steady = stability_figure(stability())
    assert list(steady.data[0].x) == ["moved 2 px", "noise of 5.1 levels"]
    assert list(steady.data[2].y) == [0.95, 0.95]
    assert change_words({"kind": "shift", "size": 3.5}) == "moved 3.5 px"
    row = similarity_rows(stability())[1]
    assert (row["what"], row["rank correlation"]) == ("noise of 5.1 levels", 0.7)
    assert row["rank correlation low"] == pytest.approx(0.68)
    assert row["same answers"] == 0.95


def test_a_likeness_that_nobody_could_measure_leaves_a_gap() -> None:
    rows = randomization()
    rows[1]["spearman"] = {"value": None, "low": None, "high": None, "method": None}
    figure = randomized(rows)
    assert figure.data[0].y[1] is None
    assert figure.data[0].error_y.array[1] == 0


def test_the_share_inside_stands_against_chance_and_what_could_be_reached() -> None:
    found = {"run": within(), "start": within(masked=False)}
    names = {"run": "This <b>run</b>", "start": "As it started"}
    figure = inside(found, names)
    assert figure is not None
    assert list(figure.data[0].x) == [45.0]
    assert list(figure.layout.yaxis.ticktext) == ["This &lt;b&gt;run&lt;/b&gt;"]
    chance, reach = figure.layout.shapes
    assert (chance.x0, chance.x1) == (30.0, 30.0)
    assert (reach.x0, reach.x1) == (10.0, 70.0)
    assert inside({"start": within(masked=False)}, names) is None
    assert counted_words(within() | {"trained_on": 3}) == (
        "Counted on 105 images (normal films alone: no other has a mask; it was trained on 3 of them). Spread evenly 30 % "
        "would be inside; a map as coarse as this one of the lungs has 57 %."
    )
    assert inside_words(within(), "Run") == (
        "Run: 45.0 % (43.0 to 47.0) of the positive evidence is inside the lungs, on 105 images (normal films alone: no other "
        "has a mask); spread evenly it would be 30.0 %: 15.0 points more than that."
    )
    assert there_words(within(), "Run") == (
        "Run looks at the lungs first in 71.0 % (69.0 to 73.0) of 105 images: there the strongest place is mostly inside. "
        "Of places strewn evenly 25 % are, and only 90 % of the images have such a place on a map this coarse: more than "
        "chance."
    )
    assert there_words(within() | {"there": metric(0.25)}, "Run").endswith("within noise of chance.")
    said = "Run looks at the top left corner first in 6.2 % (4.2 to 8.2) of 40 images; by chance 6 %."
    assert corner_words(within(), "Run") == said


def test_nine_parts_of_the_picture_and_what_answers_hang_on() -> None:
    figure = regions(within())
    assert [trace.text[0] for trace in figure.data] == ["6 %", "12 %", "6 %", "12 %", "25 %", "12 %", "6 %", "12 %", "6 %"]
    middle = figure.layout.shapes[4]
    assert (middle.x0, middle.x1, middle.y0, middle.y1) == (0.25, 0.75, 0.25, 0.75)
    assert exchanged_words(within()) == (
        "exchanged with a picture that is answered otherwise, the top left corner changes 30.0 % (28.0 to 32.0) of 40 answers, "
        "the middle 5.0 % (3.0 to 7.0)."
    )
    assert "hardly any picture is answered otherwise" in exchanged_words(within() | {"exchanged": None})
    rows = inside_rows({"run": within(), "start": within(masked=False)}, {"run": "a", "start": "b"})
    assert len(rows) == 9 + 9 + 2
    assert [row["region"] for row in rows[-2:]] == ["the lungs", "the lungs, strongest place"]
    assert firing({"run": within(), "start": within(fires=True)}) == ["start"]


def test_maps_side_by_side_are_one_picture_with_all_that_they_are_told_by() -> None:
    found = explanation()
    values = maps([one["key"] for one in found["maps"]])
    scale = scales(found)["map-0"]
    drawn = overlay(GRAY, np.kron(values["map-0"][3], np.ones((4, 4), np.float32)), scale=scale)
    one = exported(drawn, scale=scale, signed=False, lines=["First."], provenance="From here.")
    two = exported(drawn, scale=scale, signed=False, lines=["Second, of more than one line. " * 5], provenance="There.")
    single, other = (Image.open(io.BytesIO(each)) for each in (one, two))
    both = Image.open(io.BytesIO(joined([one, two])))
    assert both.size == (single.width + GAP + other.width, other.height)
    assert both.text["Description"] == "From here.\nThere."
    assert np.array_equal(np.asarray(both)[: single.height, : single.width], np.asarray(single))
    assert (np.asarray(both)[single.height :, : single.width] == 255).all()
