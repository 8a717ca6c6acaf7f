"""Two tests of maps as figures: how alike they are once weights are random, and once the picture changed a little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.explain_words import ALIKE
from tlcore.figures.palette import BASELINE, MARKERS, RUNS
from tlcore.figures.style import escaped, figure

Row = Mapping[str, Any]
_MEASURES = {  # name, colour, marker
    "spearman": ("rank correlation", RUNS[0], MARKERS[0]),
    "ssim": ("structural similarity", RUNS[1], MARKERS[1]),
}


def randomized(rows: Sequence[Row]) -> go.Figure:
    """How alike the maps still are after each group, from the head down, has random weights."""
    chart = figure(x="Random so far, from the head down", y="Likeness to the trained maps", height=420)
    _lines(chart, [escaped(row["group"]) for row in rows], rows, mode="lines+markers")
    dash = {"color": BASELINE, "dash": "dash", "width": 1.5}
    chart.add_hline(ALIKE, line=dash)
    chart.add_scatter(x=[None], y=[None], mode="lines", line=dash, name=f"above {ALIKE:g} the weights hardly matter")
    chart.update_layout(legend={"orientation": "v"}, margin={"t": 120, "b": 90})
    return chart


def stability(rows: Sequence[Row]) -> go.Figure:
    """How alike the maps are after each small change, and how many of the answers stay."""
    chart = figure(x="What was changed", y="Likeness to the untouched maps", height=420)
    names = [change_words(row) for row in rows]
    _lines(chart, names, rows, mode="markers")
    chart.add_scatter(
        x=names,
        y=[row["same_answer"]["value"] for row in rows],
        error_y=_bars([row["same_answer"] for row in rows]),
        mode="markers",
        marker={"color": RUNS[3], "symbol": MARKERS[2], "size": 11},
        name="share of the answers that stay",
        offsetgroup="answers",
        hovertemplate="%{x}: %{y:.2f}<extra></extra>",
    )
    chart.update_yaxes(range=[-0.05, 1.05])
    chart.update_layout(legend={"orientation": "v"}, margin={"t": 120}, scattermode="group", scattergap=0.8)
    return chart


def change_words(row: Row) -> str:
    """'moved 2 px', 'noise of 5.1 levels'."""
    return f"moved {row['size']:.3g} px" if row["kind"] == "shift" else f"noise of {row['size']:.3g} levels"


def similarity_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Either test as a table."""
    return [
        {"what": row["group"] if "group" in row else change_words(row)}
        | {
            f"{measure} {end}".removesuffix(" value"): row[name][end]
            for name, (measure, _, _) in _MEASURES.items()
            for end in ("value", "low", "high")
        }
        | ({"same answers": row["same_answer"]["value"]} if "same_answer" in row else {})
        | {"images": row["images"], "without evidence": row["silent"]}
        for row in rows
    ]


def _lines(chart: go.Figure, names: Sequence[str], rows: Sequence[Row], *, mode: str) -> None:
    for name, (words, colour, symbol) in _MEASURES.items():
        chart.add_scatter(
            x=list(names),
            y=[row[name]["value"] for row in rows],
            error_y=_bars([row[name] for row in rows]),
            mode=mode,
            line={"color": colour, "width": 2.5},
            marker={"color": colour, "symbol": symbol, "size": 10},
            name=words,
            offsetgroup=name,  # beside each other where the figure's scatters are grouped
            hovertemplate="%{x}: %{y:.2f}<extra></extra>",
        )


def _bars(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def reach(end: str, sign: int) -> list[float]:
        return [0.0 if one["value"] is None or one[end] is None else sign * (one[end] - one["value"]) for one in values]

    return {"type": "data", "symmetric": False, "array": reach("high", 1), "arrayminus": reach("low", -1), "width": 4}
