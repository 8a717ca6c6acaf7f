"""The transferability experiment as a picture: how each form does at each cut, in the colours of the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from tlcore.analysis.transferability_plan import CUTS, FORMS
from tlcore.figures.palette import BASELINE, ICE, WARM, rgba
from tlcore.figures.style import figure
from tlcore.figures.transfer_curve import Point, base, curve, values_by_seed
from tlcore.figures.words import percent

# Frozen is ice and thawed is warm; layers from the other classes (A) are solid, from the same ones (B) dashed.
_LOOKS: Mapping[str, tuple[str, str, str, str]] = {
    "AnB": ("AnB: from A, frozen", ICE, "solid", "circle"),
    "BnB": ("BnB: from B, frozen", ICE, "dash", "square-open"),
    "AnB+": ("AnB+: from A, thawed", WARM, "solid", "circle"),
    "BnB+": ("BnB+: from B, thawed", WARM, "dash", "square-open"),
    "random": ("random: learnt nothing, frozen", ICE, "dot", "x-thin-open"),
}
ENOUGH = 3  # seeds whose interval has a say in what is shown
_BESIDE = 0.07  # what forms of one cut are set apart by, so that their intervals can be told apart


def transferability_figure(
    networks: Sequence[Mapping[str, Any]],
    *,
    against_base: bool = True,
    hide: Sequence[str] = (),
    majority_baseline: float | None = None,
) -> go.Figure:
    """Each form's mean over the seeds with its 95 % interval at each cut; each seed is a faint dot. `hide` leaves forms out.

    `against_base` shows points above and below the base network of the same seed, else the accuracy itself.
    """
    y = "Points above the base network" if against_base else "Test accuracy on B (%)"
    chart = figure(x="Layers taken over from a base network (n)", y=y, height=460)
    shown = [form for form in FORMS if form not in hide]
    points = [point for point in curve(networks) if point.form in shown]
    for place, form in enumerate(shown):
        beside = (place - (len(shown) - 1) / 2) * _BESIDE
        _form(chart, [point for point in points if point.form == form], form, beside, against_base)
    _bases(chart, networks, against_base)
    if points:
        chart.update_yaxes(range=_range(points, against_base))
    if majority_baseline is not None and not against_base:
        name = f"largest class alone, {percent(majority_baseline)}"
        _level(chart, 100 * majority_baseline, name, "dot")
    chart.update_xaxes(range=[-0.45, CUTS[-1] + 0.45], tickvals=[0, *CUTS], ticktext=["base", *map(str, CUTS)], zeroline=False)
    chart.update_layout(margin={"t": 110})
    return chart


def _form(chart: go.Figure, points: Sequence[Point], form: str, beside: float, against_base: bool) -> None:
    name, colour, dash, symbol = _LOOKS[form]
    chart.add_scatter(
        x=[point.cut + beside for point in points for _ in point.by_seed],
        y=[100 * one for point in points for one in (point.apart_by_seed if against_base else point.by_seed)],
        mode="markers",
        marker={"color": rgba(colour, 0.35), "size": 4},
        showlegend=False,
        hoverinfo="skip",
    )
    found = [point.from_base if against_base else point.accuracy for point in points]
    means = [100 * one.mean for one in found]
    chart.add_scatter(
        x=[point.cut + beside for point in points],
        y=means,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [0 if one.high is None else 100 * one.high - mean for one, mean in zip(found, means, strict=True)],
            "arrayminus": [0 if one.low is None else mean - 100 * one.low for one, mean in zip(found, means, strict=True)],
            "thickness": 1.5,
            "width": 4,
        },
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2.5},
        marker={"color": colour, "symbol": symbol, "size": 10, "line": {"width": 2, "color": colour}},
        name=name,
        customdata=[_hover(point) for point in points],
        hovertemplate="n = %{customdata[0]}: %{customdata[1]}<br>%{customdata[2]} from base<extra>" + form + "</extra>",
    )


def _range(points: Sequence[Point], against_base: bool) -> list[float]:
    """What of the y axis is shown: every seed, and the intervals of three seeds or more. Those of two reach nine standard
    deviations to each side: they run out of the picture, in which nothing else could be seen otherwise."""
    found = [(point.from_base if against_base else point.accuracy, point) for point in points]
    ends = [one for _, point in found for one in (point.apart_by_seed if against_base else point.by_seed)]
    ends += [end for one, _ in found if one.n >= ENOUGH for end in (one.low, one.high) if end is not None]
    low, high = 100 * min([*ends, 0.0] if against_base else ends), 100 * max([*ends, 0.0] if against_base else ends)
    pad = max(0.5, 0.06 * (high - low))
    return [low - pad, high + pad]


def _hover(point: Point) -> list[str]:
    return [str(point.cut), percent(point.accuracy.mean), f"{100 * point.from_base.mean:+.1f} points"]


def _bases(chart: go.Figure, networks: Sequence[Mapping[str, Any]], against_base: bool) -> None:
    """The base network as a level, and the two networks of each seed that it is the mean of, above "base"."""
    found = base(networks)
    if found is None:
        return
    _level(chart, 0.0 if against_base else 100 * found.mean, f"base network, {percent(found.mean)}", "dash")
    seeds = [values for values in values_by_seed(networks).values() if ("base", 0) in values]
    alone = [values[form, 0] - (values["base", 0] if against_base else 0.0) for values in seeds for form in ("B", "again")]
    chart.add_scatter(
        x=[0.0] * len(alone),
        y=[100 * one for one in alone],
        mode="markers",
        marker={"color": BASELINE, "size": 6, "opacity": 0.7},
        name="each base network",
        showlegend=False,
        hovertemplate="%{y:.1f}<extra>a network trained on B as a whole</extra>",
    )


def _level(chart: go.Figure, y: float, name: str, dash: str) -> None:
    chart.add_scatter(
        x=[-0.45, CUTS[-1] + 0.45],
        y=[y, y],
        mode="lines",
        line={"color": BASELINE, "dash": dash, "width": 1.5},
        name=name,
        hoverinfo="skip",
    )


def mean_majority(halves: Sequence[Mapping[str, Any]]) -> float | None:
    """What always naming B's largest class gets, on average over the seeds."""
    known = [one["majority_baseline"] for one in halves if one["majority_baseline"] is not None]
    return fmean(known) if known else None
