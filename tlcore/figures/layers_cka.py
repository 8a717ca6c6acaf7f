"""Which networks find the same images alike (CKA): layer by layer over the stack, and each layer with each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from tlcore.figures.layer_seen import source_title
from tlcore.figures.layers_axis import Depth, Result, add_line, depth_chart, looks
from tlcore.figures.palette import SEQUENTIAL
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, decimal, times

LARGEST_WITH_TEXT = 12  # places up to which a cell says its number
_CELL, _SMALL_CELL = 44, 24  # pixels of a cell with its number, and without


def pairs(result: Result) -> list[str]:
    """The pairs of two networks that are laid over the stack: all but runs beside random weights, which they never had."""
    first = next(iter(result["weights"]))
    every = [pair for pair in result["cka"]["pairs"] if len(set(members(pair))) == 2]
    return [pair for pair in every if first in members(pair) or "random" not in members(pair)]


def members(pair: str) -> tuple[str, str]:
    """The two sources of "pretrained ~ RUN"."""
    one, _, other = pair.partition(" ~ ")
    return one, other


def pair_title(pair: str) -> str:
    """What people call a pair; of a network with itself: its own layers."""
    one, other = members(pair)
    return f"{source_title(one)}, its own layers" if one == other else f"{source_title(one)} and {source_title(other)}"


def cka_by_depth(result: Result) -> tuple[go.Figure, list[str]]:
    """CKA of each place with itself in the other network, for each pair; in the colour of the pair's second network."""
    depth, known, shown = Depth.of(result), {look.source: look for look in looks(result)}, pairs(result)
    chart = depth_chart("CKA", lines=len(shown))
    first = next(iter(known))
    for pair in shown:
        one, other = members(pair)
        points = [
            (entry["name"], value, None, None, f"CKA {value:.3f}")
            for entry in result["groups"]
            if (value := entry["cka"].get(pair)) is not None
        ]
        dash = "solid" if one == first else "dot"
        add_line(chart, depth, replace(known[other], beside=0.0), points, name=pair_title(pair), dash=dash)
    chart.update_yaxes(range=[-0.05, 1.05])
    depth.draw(chart)
    return chart, cka_reading(result)


def cka_reading(result: Result) -> list[str]:
    """Where each pair is most and least alike, and on how many images that was found."""
    sentences = []
    for pair in pairs(result):
        values = [(entry["name"], entry["cka"][pair]) for entry in result["groups"] if entry["cka"].get(pair) is not None]
        if values:
            least, most = min(values, key=lambda one: one[1]), max(values, key=lambda one: one[1])
            where = f"most alike at {most[0]} ({decimal(most[1])}), least at {least[0]} ({decimal(least[1])})"
            same = f"about equally alike everywhere ({decimal(least[1])} to {decimal(most[1])})"
            sentences.append(f"{pair_title(pair)}: {same if most[1] - least[1] < 0.005 else where}.")
    return [*sentences, how_found(result)]


def how_found(result: Result) -> str:
    """On which images, and in how many batches."""
    found = result["cka"]
    batches = "" if found["batches"] <= 1 else f", in {times(found['batches'], 'batch', 'batches')}"
    return (
        f"Debiased linear CKA on {count(found['images'])} images{batches}. It has no interval here: it describes these images, "
        "and a difference of a few hundredths may be another one on others."
    )


def cka_map(result: Result, pair: str) -> tuple[go.Figure, str]:
    """CKA of each layer of one network (down) with each of the other (across), bottom to top; and the reading."""
    values, names = result["cka"]["pairs"][pair], result["cka"]["sites"]
    one, other = (source_title(source) for source in members(pair))
    places, told = list(range(len(names))), len(names) <= LARGEST_WITH_TEXT
    chart = figure(x=escaped(other), y=escaped(one), height=170 + (_CELL if told else _SMALL_CELL) * len(names))
    chart.add_heatmap(
        z=values,
        x=places,
        y=places,
        zmin=0,
        zmax=1,
        colorscale=[list(stop) for stop in SEQUENTIAL],
        showscale=not told,
        colorbar={"title": {"text": "CKA"}, "thickness": 12},
        customdata=[[f"{escaped(down)}<br>{escaped(across)}" for across in names] for down in names],
        hovertemplate="%{customdata}<br>CKA %{z:.3f}<extra></extra>",
        xgap=2,
        ygap=2,
    )
    if told:
        for down, row in enumerate(values):
            for across, value in enumerate(row):
                chart.add_annotation(x=across, y=down, text=_cell(value), showarrow=False, font={"size": 12})
    ticks = [escaped(name).replace(" and ", " and<br>") for name in names]
    chart.update_xaxes(tickvals=places, ticktext=ticks, showgrid=False, zeroline=False, automargin=True)
    chart.update_yaxes(tickvals=places, ticktext=ticks, showgrid=False, zeroline=False, automargin=True)
    chart.update_layout(margin={"t": 30, "l": 10, "b": 10})
    return chart, map_reading(values, names, pair)


def map_reading(values: Sequence[Sequence[float]], names: Sequence[str], pair: str) -> str:
    """For two networks: how many layers are most like the one at their own depth. For one: neighbours against the two ends."""
    table = np.array(values)
    one, other = members(pair)
    if one != other:
        own = int((table.argmax(1) == np.arange(len(names))).sum())
        down, across = np.unravel_index(table.argmax(), table.shape)
        return (
            f"{own} of {len(names)} layers of {source_title(one)} are most like the layer at their own depth in "
            f"{source_title(other)}. The highest value, {decimal(float(table[down, across]))}, is between {names[down]} and "
            f"{names[across]}."
        )
    if len(names) < 2:
        return "There is one layer alone."
    return (
        f"Neighbouring layers: {float(np.diag(table, 1).mean()):.2f} on average. The first and the last, {names[0]} and "
        f"{names[-1]}: {table[0, -1]:.2f}."
    )


def cka_table(result: Result) -> list[dict[str, Any]]:
    """Every number of all maps."""
    names = result["cka"]["sites"]
    return [
        {"one": members(pair)[0], "its layer": down, "other": members(pair)[1], "that one's layer": across, "CKA": value}
        for pair, values in result["cka"]["pairs"].items()
        for down, row in zip(names, values, strict=True)
        for across, value in zip(names, row, strict=True)
    ]


def _cell(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00")
