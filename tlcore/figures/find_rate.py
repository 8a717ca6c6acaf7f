"""The rate finder: the loss against the rate that grew from step to step, the rate suggested, and what the curve says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.palette import RUNS, TRAIN, rgba
from tlcore.figures.style import figure
from tlcore.figures.words import count, rate, times

SUGGESTED, OWN = RUNS[2], RUNS[4]
HIGHEST_SHOWN = 1.5  # times the first smoothed loss: what climbs above it says no more


def find_rate_figure(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    *,
    suggestion: float | None = None,
    valley: Sequence[float] | None = None,
    own: float | None = None,
) -> go.Figure:
    """The loss of each step and its running mean over the rate, with the fall, the suggestion and the run's `own` rate."""
    chart = figure(x="Learning rate of the head, in each step", y="Training loss", height=360)
    hover = "rate %{x:.2g}<br>loss %{y:.3f}<extra></extra>"
    chart.add_scatter(
        x=list(rates), y=list(losses), mode="markers", marker={"color": TRAIN, "size": 5, "opacity": 0.6}, name="each step",
        hovertemplate=hover,
    )  # fmt: skip
    chart.add_scatter(
        x=list(rates), y=list(smoothed), mode="lines", line={"color": TRAIN, "width": 3}, name="running mean",
        hovertemplate=hover,
    )  # fmt: skip
    if valley is not None:
        chart.add_vrect(x0=valley[0], x1=valley[1], fillcolor=rgba(SUGGESTED, 0.12), line_width=0, layer="below")
    if suggestion is not None:
        _upright(chart, suggestion, f"suggested, {rate(suggestion)}", SUGGESTED, "solid", _range(losses, smoothed))
    if own is not None and rates and rates[0] <= own <= rates[-1]:
        _upright(chart, own, f"the rate above, {rate(own)}", OWN, "dash", _range(losses, smoothed))
    chart.update_xaxes(type="log", exponentformat="power", dtick=1)
    if smoothed:
        chart.update_yaxes(range=_range(losses, smoothed))
    return chart


def _range(losses: Sequence[float], smoothed: Sequence[float]) -> list[float]:
    """What of the losses is shown: all that falls, and the beginning of the climb."""
    top = max(HIGHEST_SHOWN * smoothed[0], 1.05 * smoothed[0] + 0.05)
    low = min([*smoothed, *(loss for loss in losses if loss < top)])
    return [low - 0.05 * (top - low), top]


def _upright(chart: go.Figure, x: float, name: str, colour: str, dash: str, over: Sequence[float]) -> None:
    chart.add_scatter(
        x=[x, x], y=list(over), mode="lines", line={"color": colour, "width": 2, "dash": dash}, name=name, hoverinfo="skip"
    )


def find_rate_reading(result: Mapping[str, Any], own: float | None = None) -> str:
    """What the curve says, about the run's `own` rate too, and how far it can be trusted."""
    rates = result["rates"]
    steps, images = times(len(rates), "step"), times(result["images"], "training image")
    tried = f"{steps} on {images}, from {rate(rates[0])} to {rate(rates[-1])}"
    if result["suggestion"] is None:
        return f"{tried}: the loss falls at no rate, so none is suggested. {_end(result)}"
    low, high = result["valley"]
    middle = f"{rate(result['suggestion'])} is in the middle of that"
    found = f"{tried}: the loss falls between {rate(low)} and {rate(high)}, and {middle}."
    return f"{found} {_end(result)}{_own(result, own)} One ramp tells an order of magnitude, no more."


def _end(result: Mapping[str, Any]) -> str:
    if result["stopped"] == "diverged":
        return f"At {rate(result['rates'][-1])} it had diverged."
    return "It never diverged."


def _own(result: Mapping[str, Any], own: float | None) -> str:
    if own is None:
        return ""
    suggested = result["suggestion"]
    low, high = result["valley"]
    factor = max(own, suggested) / min(own, suggested)
    if factor < 3:
        return " The rate above is close to it."
    side = "higher" if own > suggested else "lower"
    where = "within the fall all the same" if low <= own <= high else "outside the fall"
    return f" The rate above, {rate(own)}, is {count(factor)} times {side}, {where}."
