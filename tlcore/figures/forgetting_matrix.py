"""A chain of tasks as a matrix: what is known of each task after each was learned, and the field's measures of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.forgetting_words import signed_points, signed_span, within_noise
from tlcore.figures.palette import SEQUENTIAL, SOURCE
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import interval, listing, percent, points
from tlcore.forgetting.matrix import FORMULAS

NAME = 16  # characters of a task's name in a line: on a phone the cells need the rest
Matrix = Mapping[str, Any]  # of `tlcore/forgetting/matrix.py`: tasks, R, cells, baselines, acc, bwt, forgetting, fwt


def matrix(one: Matrix) -> tuple[go.Figure, str]:
    """R as a heat map: rows are what was learned last, columns what is asked; the diagonal, just learned, is framed."""
    tasks, cells = one["tasks"], one["cells"]
    size = len(tasks)
    chart = figure(x="Task that is asked", y="After learning", height=170 + 58 * size)
    chart.add_heatmap(
        z=[[None if cell is None else 100 * cell["value"] for cell in row] for row in cells],
        x=list(range(size)),
        y=list(range(size)),
        zmin=0,
        zmax=100,
        colorscale=[list(stop) for stop in SEQUENTIAL],
        showscale=False,
        xgap=3,
        ygap=3,
        customdata=[[_hover(tasks, row, column, cells[row][column]) for column in range(size)] for row in range(size)],
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=True,
    )
    for row in range(size):
        for column in range(size):
            probe = column > row
            chart.add_annotation(
                x=column, y=row, text=_text(cells[row][column]), showarrow=False, font={"size": 12 if probe else 14}
            )
        ends = {"x0": row - 0.47, "x1": row + 0.47, "y0": row - 0.47, "y1": row + 0.47}
        chart.add_shape(type="rect", line={"color": SOURCE, "width": 2}, **ends)
    names = ["<br>".join(map(escaped, textwrap.wrap(f"{at + 1}. {task}", NAME))) for at, task in enumerate(tasks)]
    ticks = {"tickvals": list(range(size)), "showgrid": False, "zeroline": False, "automargin": True}
    chart.update_xaxes(side="top", ticktext=[str(at + 1) for at in range(size)], **ticks)
    chart.update_yaxes(autorange="reversed", ticktext=names, **ticks)
    chart.update_layout(margin={"t": 90, "b": 20})
    return chart, f"{matrix_reading(one)} Accuracy in %; framed: just learned; italic: not learned yet, by a linear probe."


def matrix_reading(one: Matrix) -> str:
    """What became of the earlier tasks by the end, the one that lost most first."""
    tasks, values = one["tasks"], one["R"]
    if len(tasks) < 2:
        return "One task has nothing behind it to forget."
    ends = [(task, values[at][at], values[-1][at]) for at, task in enumerate(tasks[:-1])]
    changed = [(end - learned, task) for task, learned, end in ends if learned is not None and end is not None]
    if not changed:
        return "No earlier task was asked again."
    least, who = min(changed)
    if least >= 0:
        return f"No earlier task is known worse at the end than when it was learned ({listing([task for _, task in changed])})."
    spans = {task: _span(one, at) for at, task in enumerate(tasks[:-1])}
    text = f"{who} lost the most: {points(least)} since it was learned{spans[who]}."
    better = [
        f"{task} is known better than when it was learned, by {points(gain)}{spans[task]}" for gain, task in changed if gain > 0
    ]
    return f"{text} {listing(better)}." if better else text


def _span(one: Matrix, task: int) -> str:
    """The paired interval of what a task gained since it was learned, and whether that is noise; '' where it is not known."""
    gained = ((one.get("by_task") or {}).get("bwt") or [])[task : task + 1]
    if not gained or gained[0].get("low") is None:
        return ""
    noise = ", within noise" if within_noise(gained[0]) else ""
    return f" ({signed_span(gained[0])}{noise})"


def measures(one: Matrix) -> list[tuple[str, str, str, str, str]]:
    """(name, value, its 95 % interval or why there is none, what it is and whose, formula) of each measure."""
    return [
        (formula.name, *_said(key, one[key]), f"{formula.sentence} ({formula.source})", formula.formula)
        for key, formula in FORMULAS.items()
    ]


def matrix_table(one: Matrix) -> list[dict[str, Any]]:
    """R, a row for each task learned, and last what a probe finds before any was."""
    before = [None if cell is None else cell["value"] for cell in one["baselines"]]
    rows = [*zip(one["tasks"], one["R"], strict=True), ("nothing", before)]
    return [
        {"after learning": learned} | {f"{at + 1}. {asked}": values[at] for at, asked in enumerate(one["tasks"])}
        for learned, values in rows
    ]


def _said(key: str, value: Mapping[str, Any]) -> tuple[str, str]:
    if value["value"] is None:
        return "not defined", value.get("reason") or ""
    if key != "acc":
        return signed_points(value["value"]), signed_span(value)
    known = value.get("low") is not None
    return percent(value["value"]), f"{percent(value['low'])} to {percent(value['high'])}" if known else ""


def _text(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "–"
    text = f"{100 * cell['value']:.1f}"
    return f"<i>{text}</i>" if cell["how"] == "probe" else text


def _hover(tasks: list[str], row: int, column: int, cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "not asked"
    how = ", by a linear probe on its features" if cell["how"] == "probe" else ""
    return escaped(f"{tasks[column]} after learning {tasks[row]}: {interval(cell)}{how}")
