"""Where the evidence lies, as figures: how much of it is inside the masks, run by run, and which part of the picture has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go

from tlcore.explain.inside import REGIONS
from tlcore.figures.error_bars import bars
from tlcore.figures.palette import BASELINE, MARKERS, RUNS, rgba
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import interval, percent

Found = Mapping[str, Any]
_EDGES: Final = (0.0, 0.25, 0.75, 1.0)  # of the regions, as shares of the side
_LOOKS: Final = {"share": ("share of the positive evidence", RUNS[0], MARKERS[0])} | {
    "there": ("images whose strongest place is mostly inside", RUNS[1], MARKERS[1])
}
_DENSEST = 4.0  # times its area: the strongest tint


def inside(found: Mapping[str, Found], names: Mapping[str, str]) -> go.Figure | None:
    """Each network's share inside and images looked at there first, with chance and what a grid allows; None without masks."""
    masked = {key: one for key, one in found.items() if one["masked"] and one["share"]["value"] is not None}
    if not masked:
        return None
    titles = [escaped(names[key]) for key in masked]
    marked = next(iter(masked.values()))["of"]
    chart = figure(x=f"Inside {marked} (%)", y="", height=210 + 70 * len(masked))
    for offset, (measure, (name, colour, symbol)) in zip((-0.12, 0.12), _LOOKS.items(), strict=True):
        values = [one[measure] for one in masked.values()]
        chart.add_scatter(
            x=[100 * one["value"] for one in values],
            y=[place + offset for place in range(len(values))],
            error_x=bars(values),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 12},
            name=name,
            customdata=[[title, interval(one)] for title, one in zip(titles, values, strict=True)],
            hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>",
        )
    dash = {"color": BASELINE, "dash": "dash", "width": 2}
    reach = {"fillcolor": rgba(BASELINE, 0.16), "line": {"width": 0}, "layer": "below"}
    for place, one in enumerate(masked.values()):
        lane = {"y0": place - 0.35, "y1": place + 0.35}
        chart.add_shape(type="line", x0=100 * one["chance"], x1=100 * one["chance"], line=dash, **lane)
        chart.add_shape(type="rect", x0=100 * one["lowest"], x1=100 * one["highest"], **lane, **reach)
    chart.add_scatter(x=[None], y=[None], mode="lines", line=dash, name="spread evenly: chance")
    band = {"symbol": "square", "size": 14, "color": rgba(BASELINE, 0.3)}
    chart.add_scatter(x=[None], y=[None], mode="markers", marker=band, name="shares that maps this coarse can have")
    chart.update_yaxes(tickvals=list(range(len(titles))), ticktext=titles, range=[len(titles) - 0.5, -0.5], automargin=True)
    chart.update_xaxes(range=[0, 100])
    chart.update_layout(legend={"orientation": "v"}, margin={"t": 130})
    return chart


def regions(one: Found) -> go.Figure:
    """The picture in nine parts: how much of the evidence each holds, the more tinted the denser it is there."""
    known = one["where"]["regions"]
    chart = go.Figure(
        layout={
            "height": 380,
            "margin": {"l": 10, "r": 10, "t": 40, "b": 10},
            "font": {"size": 14, "family": "Arial, Helvetica, sans-serif"},
            "showlegend": False,
        }
    )
    for row, names in enumerate(REGIONS):
        for column, name in enumerate(names):
            region = known[name]
            left, right, top, bottom = _EDGES[column], _EDGES[column + 1], _EDGES[row], _EDGES[row + 1]
            dense = 0.0 if region["value"] is None else region["value"] / region["area"] / _DENSEST
            box = {"x0": left, "x1": right, "y0": top, "y1": bottom, "line": {"color": BASELINE, "width": 1}}
            chart.add_shape(type="rect", fillcolor=rgba(RUNS[0], min(0.75, 0.75 * dense)), layer="below", **box)
            chart.add_scatter(
                x=[(left + right) / 2],
                y=[(top + bottom) / 2],
                mode="text",
                text=[percent(region["value"], 0)],
                customdata=[[name, interval(region), percent(region["area"], 0)]],
                hovertemplate="%{customdata[0]}: %{customdata[1]} of the evidence<br>on %{customdata[2]} of the picture"
                "<extra></extra>",
            )
    still = {"visible": False, "fixedrange": True, "constrain": "domain"}
    chart.update_xaxes(range=[0, 1], **still)
    chart.update_yaxes(range=[1, 0], scaleanchor="x", **still)
    return chart


def inside_rows(found: Mapping[str, Found], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every network and region: its share of the evidence, of the picture, and of the answers that hang on it."""
    return (
        [
            {"network": names[key], "region": name, "area": region["area"]}
            | {f"evidence {end}".removesuffix(" value"): region[end] for end in ("value", "low", "high")}
            | {"answers changed": None if one["exchanged"] is None else one["exchanged"]["regions"][name]["value"]}
            for key, one in found.items()
            for name, region in one["where"]["regions"].items()
        ]
        + [
            {"network": names[key], "region": one["of"], "area": one["chance"]}
            | {f"evidence {end}".removesuffix(" value"): one["share"][end] for end in ("value", "low", "high")}
            | {"answers changed": None}
            for key, one in found.items()
            if one["masked"]
        ]
        + [
            {"network": names[key], "region": f"{one['of']}, strongest place", "area": one["there_by_chance"]}
            | {f"evidence {end}".removesuffix(" value"): one["there"][end] for end in ("value", "low", "high")}
            | {"answers changed": None}
            for key, one in found.items()
            if one["masked"]
        ]
    )


def firing(found: Mapping[str, Found]) -> Sequence[str]:
    """The networks whose alarm goes off."""
    return [key for key, one in found.items() if one["alarm"]["fires"]]
