"""A chain of tasks as a matrix: what is known of each task after each was learned, and the field's measures of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.palette import SEQUENTIAL, SOURCE
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import listing, percent, points

Matrix = Mapping[str, Any]  # tasks, R, acc, bwt, forgetting, fwt as tlcore/README.md has it

FORMULAS = {
    "acc": ("ACC", "the mean over tasks of what is known at the end", "ACC = 1/T Σⱼ R[T, j]"),
    "bwt": (
        "BWT",
        "backward transfer (Lopez-Paz & Ranzato 2017): how much tasks gained after they were learned; below 0 is forgetting",
        "BWT = 1/(T − 1) Σ_{j<T} (R[T, j] − R[j, j])",
    ),
    "forgetting": (
        "Forgetting",
        "from the best that a task ever was to what is left of it (Chaudhry 2018); below 0 it still improved",
        "F = 1/(T − 1) Σ_{j<T} (max_{l<T} R[l, j] − R[T, j])",
    ),
    "fwt": (
        "FWT",
        "forward transfer: what earlier tasks gave to one not yet learned, over the start's own features",
        "FWT = 1/(T − 1) Σ_{j>1} (R[j − 1, j] − b_j)",
    ),
}


def matrix(one: Matrix) -> tuple[go.Figure, str]:
    """R as a heat map: rows are what was learned last, columns what is asked; its diagonal is framed."""
    tasks, values = one["tasks"], one["R"]
    size = len(tasks)
    chart = figure(x="Asked", y="After learning", height=190 + 58 * size)
    chart.add_heatmap(
        z=[[None if value is None else 100 * value for value in row] for row in values],
        x=list(range(size)),
        y=list(range(size)),
        zmin=0,
        zmax=100,
        colorscale=[list(stop) for stop in SEQUENTIAL],
        showscale=False,
        xgap=3,
        ygap=3,
        customdata=[[_hover(tasks, values, row, column) for column in range(size)] for row in range(size)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    for row in range(size):
        for column in range(size):
            value = values[row][column]
            text = "not asked" if value is None else f"{100 * value:.1f} %"
            faint = " (probe)" if value is not None and column > row else ""
            chart.add_annotation(
                x=column, y=row, text=text + faint, showarrow=False, font={"size": 15 if column <= row else 12}
            )
        chart.add_shape(
            type="rect", x0=row - 0.47, x1=row + 0.47, y0=row - 0.47, y1=row + 0.47, line={"color": SOURCE, "width": 2}
        )
    names = [escaped(_number(at, task)) for at, task in enumerate(tasks)]
    chart.update_xaxes(tickvals=list(range(size)), ticktext=names, showgrid=False, zeroline=False, side="top", automargin=True)
    chart.update_yaxes(
        tickvals=list(range(size)), ticktext=names, autorange="reversed", showgrid=False, zeroline=False, automargin=True
    )
    chart.update_layout(margin={"t": 90, "b": 20})
    return chart, matrix_reading(one)


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
    text = f"{who} lost the most: {points(least)} since it was learned."
    better = [task for gain, task in changed if gain > 0]
    return f"{text} {listing(better)} improved by what came later." if better else text


def measures(one: Matrix) -> list[tuple[str, str, str, str]]:
    """(name, value, what it is, formula) of each measure that the matrix has."""
    return [
        (title, _said(key, one[key]), what, formula)
        for key, (title, what, formula) in FORMULAS.items()
        if one.get(key) is not None
    ]


def matrix_table(one: Matrix) -> list[dict[str, Any]]:
    """R, a row for each task learned."""
    return [
        {"after learning": task} | {f"{at + 1}. {asked}": one["R"][row][at] for at, asked in enumerate(one["tasks"])}
        for row, task in enumerate(one["tasks"])
    ]


def _said(key: str, value: float) -> str:
    if key == "acc":
        return percent(value)
    text = points(value)
    return text if float(text.split()[0]) == 0 else f"{'+' if value > 0 else '−'}{text}"


def _number(at: int, task: str) -> str:
    return f"{at + 1}. {task}"


def _hover(tasks: Any, values: Any, row: int, column: int) -> str:
    value = values[row][column]
    if value is None:
        return "not asked"
    how = ", by a linear probe on its features" if column > row else ""
    return escaped(f"{tasks[column]} after learning {tasks[row]}: {percent(value)}{how}")
