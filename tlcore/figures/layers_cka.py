"""Which networks find the same images alike (CKA): layer by layer over the stack, and each layer with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from tlcore.figures.layer_seen import source_title
from tlcore.figures.layers_axis import Depth, Result, add_band, add_line, depth_chart, looks
from tlcore.figures.palette import SEQUENTIAL
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, decimal, times

LARGEST_WITH_TEXT = 12  # places up to which a cell says its number
ALIKE = 0.005  # what all places of a pair lie within is told as one value
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
    """CKA of each place with itself in the other network, for each pair, its 95 % interval a band; in the colour of the pair's
    second network.
    """
    depth, known, shown = Depth.of(result), {look.source: look for look in looks(result)}, pairs(result)
    chart = depth_chart("CKA", lines=len(shown))
    first = next(iter(known))
    for pair in shown:
        one, other = members(pair)
        points = [
            (entry["name"], value, *(_ends(entry, pair) or (None, None)), f"CKA {_said(entry, pair)}")
            for entry in result["groups"]
            if (value := entry["cka"].get(pair)) is not None
        ]
        look, dash = replace(known[other], beside=0.0), "solid" if one == first else "dot"
        add_band(chart, depth, look, points)
        line = [(place, value, None, None, words) for place, value, *_, words in points]
        add_line(chart, depth, look, line, name=pair_title(pair), dash=dash)
    chart.update_yaxes(range=[-0.05, 1.05])
    depth.draw(chart)
    return chart, cka_reading(result)


def cka_reading(result: Result) -> list[str]:
    """Where each pair is most and least alike, whether by more than their intervals, and on how many images that was found."""
    sentences = []
    for pair in pairs(result):
        known = [entry for entry in result["groups"] if entry["cka"].get(pair) is not None]
        if not known:
            continue
        least, most = (ends(known, key=lambda entry: entry["cka"][pair]) for ends in (min, max))
        low, high = least["cka"][pair], most["cka"][pair]
        if high - low < ALIKE:
            sentences.append(f"{pair_title(pair)}: about equally alike everywhere ({decimal(low)} to {decimal(high)}).")
            continue
        where = f"most alike at {most['name']}, {_said(most, pair)}, least at {least['name']}, {_said(least, pair)}"
        sentences.append(f"{pair_title(pair)}: {where}{_hedge(_ends(least, pair), _ends(most, pair))}.")
    return [*sentences, how_found(result)]


def _ends(entry: Mapping[str, Any], pair: str) -> tuple[float, float] | None:
    """The interval of a place's CKA; None where there is none, as in results made before it was taken."""
    found = entry.get("cka_interval", {}).get(pair)
    return None if found is None else (found[0], found[1])


def _said(entry: Mapping[str, Any], pair: str) -> str:
    """'0.905 (0.880 to 0.921)'."""
    ends = _ends(entry, pair)
    told = f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends and f"{ends[0]:.3f}" != "1.000" else ""  # of 1 there is no more to say
    return decimal(entry["cka"][pair]) + told


def _hedge(lower: tuple[float, float] | None, upper: tuple[float, float] | None) -> str:
    if lower is None or upper is None:
        return ""
    return "" if lower[1] < upper[0] else "; the intervals overlap, so it may be the other way round on other images"


def how_found(result: Result) -> str:
    """On which images, and in how many batches."""
    found = result["cka"]
    batches = "" if found["batches"] <= 1 else f", in {times(found['batches'], 'batch', 'batches')}"
    what = f"Debiased linear CKA on {count(found['images'])} images{batches}."
    if any(ends for entry in result["groups"] for ends in entry.get("cka_interval", {}).values()):
        drawn = f"drawing the {found['interval_over']} anew {count(found['draws'])} times"
        return f"{what} The bands are 95 % intervals, from {drawn}."
    return (
        f"{what} It has no interval here: it describes these images, and a difference of a few hundredths may be another one "
        "on others."
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


def map_reading(values: Sequence[Sequence[float | None]], names: Sequence[str], pair: str) -> str:
    """For two networks: how many layers are most like the one at their own depth. For one: neighbours against the two ends."""
    table = np.array(values, dtype=float)  # where it is not defined: NaN
    undefined = "" if np.isfinite(table).all() else " Empty cells: a layer gives the same for every image, so CKA has no value."
    if np.isnan(table).all():
        return undefined.strip()
    one, other = members(pair)
    if one != other:
        filled = np.where(np.isnan(table), -np.inf, table)
        own = int((np.isfinite(np.diag(table)) & (filled.argmax(1) == np.arange(len(names)))).sum())
        down, across = np.unravel_index(filled.argmax(), table.shape)
        return (
            f"{own} of {len(names)} layers of {source_title(one)} are most like the layer at their own depth in "
            f"{source_title(other)}. The highest value, {decimal(float(table[down, across]))}, is between {names[down]} and "
            f"{names[across]}.{undefined}"
        )
    if len(names) < 2:
        return "There is one layer alone."
    beside = np.diag(table, 1)
    known = beside[np.isfinite(beside)]
    near = f"Neighbouring layers: {known.mean():.2f} on average." if len(known) else "No two neighbouring layers have a value."
    far = "" if np.isnan(table[0, -1]) else f" The first and the last, {names[0]} and {names[-1]}: {table[0, -1]:.2f}."
    return f"{near}{far}{undefined}"


def cka_table(result: Result) -> list[dict[str, Any]]:
    """Every number of all maps; a layer with itself in another network has its interval too."""
    names = result["cka"]["sites"]
    sure = {entry["name"]: entry.get("cka_interval", {}) for entry in result["groups"]}
    return [
        {"one": members(pair)[0], "its layer": down, "other": members(pair)[1], "that one's layer": across, "CKA": value}
        | dict(zip(("95 % from", "to"), (sure[down].get(pair) if down == across else None) or (None, None), strict=True))
        for pair, values in result["cka"]["pairs"].items()
        for down, row in zip(names, values, strict=True)
        for across, value in zip(names, row, strict=True)
    ]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".replace("-0.00", "0.00")
