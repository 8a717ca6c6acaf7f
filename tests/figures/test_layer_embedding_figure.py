"""How classes come apart, as a figure, a table and a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.figures.layers_made import result
from tlcore.figures.layer_embedding import apart_by_depth, apart_reading, apart_table, class_marks
from tlcore.figures.palette import RUNS


def _layer(name: str, value: float | None, silhouette: float | None, spread: float = 0.05) -> dict[str, Any]:
    ends = {"low": None, "high": None} if value is None else {"low": value - spread, "high": value + spread}
    knn = {"value": value, **ends, "method": "wilson"}
    why = "A silhouette needs two classes." if silhouette is None else None
    return {"name": name, "silhouette": silhouette, "knn": knn, "neighbours": 5, "why": why}


SOURCES = [
    {
        "name": "pretrained",
        "layers": [_layer("stem", 0.7, 0.01), _layer("stage 1", 0.9, 0.1), _layer("stage 2", 0.88, 0.2)],
    },
    {"name": "random", "layers": [_layer("stem", 0.7, 0.01), _layer("stage 1", 0.72, 0.0), _layer("stage 2", 0.6, -0.1)]},
]


def _result(sources: list[dict[str, Any]], majority: float | None = None) -> dict[str, Any]:
    return result(embedding={"sources": sources}, majority_baseline=majority)


def test_every_layer_stands_over_its_slab_with_both_numbers() -> None:
    chart, _ = apart_by_depth(_result(SOURCES, 0.5))
    knn, silhouette = chart.data[:2]
    assert [round(x) for x in knn.x] == [0, 1, 2]
    assert list(knn.y) == pytest.approx([70, 90, 88])
    assert list(knn.error_y.array) == pytest.approx([5, 5, 5])
    assert list(silhouette.y) == [0.01, 0.1, 0.2]
    assert silhouette.yaxis == "y2"
    assert knn.line.color == silhouette.line.color != chart.data[2].line.color
    assert chart.data[-1].name == "largest class alone, 50.0 %"
    assert len(apart_by_depth(_result(SOURCES))[0].data) == 4


def test_a_source_that_could_not_be_laid_out_leaves_the_others_their_colours() -> None:
    both, alone = (apart_by_depth(_result(some))[0] for some in (SOURCES, SOURCES[1:]))
    assert alone.data[0].line.color == both.data[2].line.color
    assert alone.data[0].name == "Random weights"


def test_the_reading_names_the_best_layer_and_says_whether_it_is_more_than_noise() -> None:
    said = apart_reading(SOURCES)
    assert "Pretrained: k-NN is best at stage 1, 90.0 % (85.0 to 95.0), against 70.0 % (65.0 to 75.0) at stem" in said
    assert "at stem; their intervals do not overlap. The silhouette is highest at stage 2, 0.200." in said
    assert "Random weights: k-NN is best at stage 1, 72.0 % (67.0 to 77.0)" in said
    assert "their intervals overlap" in said


def test_what_is_not_defined_is_told_and_leaves_a_gap() -> None:
    sources = [{"name": "random", "layers": [_layer("stem", 0.7, None), _layer("stage 1", None, None)]}]
    chart, said = apart_by_depth(_result(sources))
    assert list(chart.data[0].y) == [70, None]
    assert list(chart.data[1].y) == [None, None]
    assert said == "Random weights: k-NN is best at stem, 70.0 % (65.0 to 75.0). A silhouette needs two classes."


def test_the_table_has_every_number() -> None:
    rows = apart_table(SOURCES)
    assert len(rows) == 6
    assert rows[1] == {
        "weights": "pretrained",
        "layer": "stage 1",
        "k-NN accuracy": 0.9,
        "95 % from": pytest.approx(0.85),
        "to": pytest.approx(0.95),
        "silhouette": 0.1,
        "neighbours": 5,
    }


def test_classes_differ_in_colour_and_shape() -> None:
    marks = class_marks([f"class {i}" for i in range(36)])
    assert len({(mark["colour"], mark["shape"]) for mark in marks}) == 36
    assert {mark["colour"] for mark in marks[:3]}.isdisjoint(RUNS[:3])  # those of the sources beside them
    assert len({mark["colour"] for mark in marks[:6]}) == len({mark["shape"] for mark in marks[:6]}) == 6
