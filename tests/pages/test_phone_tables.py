"""What a phone of 360 px shows of a wide table before anything is scrolled, and of a figure below its buttons."""

from __future__ import annotations

from pages.parts.run_table import _COLUMNS
from tlcore.figures.style import figure

PAGE = 360 - 2 * 16  # pixels between the margins of the page
TICK = 36  # the column to tick a row in
BUTTONS, LEGEND_LINE = 40, 20


def test_how_well_a_run_did_is_in_sight():
    first = list(_COLUMNS)[:3]
    assert first == ["State", "Strategy", "Accuracy"]
    assert TICK + sum(_COLUMNS[name]["width"] for name in first) <= PAGE


def test_a_legend_of_three_lines_has_room_below_the_buttons():
    margin = figure(x="Epochs", y="Loss").layout.margin
    assert margin.t >= BUTTONS + 3 * LEGEND_LINE
