"""How deep it is forgotten: how fast the source is learned again, from the pretrained, the run's and random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.error_bars import bars
from tlcore.figures.forgetting_words import Metric, span, within_noise
from tlcore.figures.palette import BASELINE, MARKERS, RUNS
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, interval, percent, points

Relearn = Mapping[str, Any]  # {steps, curves {START: [shares]}, spans, ahead, images, chance}, as tlcore/README.md has it
STARTS = {
    "pretrained": "from the weights of the start",
    "run": "from the fine-tuned weights",
    "random": "from random weights",
}
_LOOKS = {
    "pretrained": (RUNS[4], MARKERS[0], "solid"),
    "run": (RUNS[2], MARKERS[2], "solid"),
    "random": (BASELINE, "circle-open", "dot"),
}


def relearn(one: Relearn) -> tuple[go.Figure, str]:
    """Accuracy on held-out source images after so many steps, for each start."""
    steps = one["steps"]
    chart = figure(x="Steps on the source, everything moves", y="Source accuracy (%)", height=380)
    for start, values in one["curves"].items():
        colour, symbol, dash = _LOOKS[start]
        chart.add_scatter(
            x=list(steps),
            y=[None if value is None else 100 * value for value in values],
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": dash},
            marker={"symbol": symbol, "size": 9},
            name=escaped(STARTS[start]),
            error_y=bars(_shares(one, start)),
            customdata=[interval(share) for share in _shares(one, start)],
            hovertemplate="after %{x} steps: %{customdata}<extra></extra>",
        )
    dash = {"color": BASELINE, "dash": "dash", "width": 1.5}
    chart.add_hline(100 * one["chance"], line=dash)
    chart.add_scatter(x=[None], y=[None], mode="lines", line=dash, name=f"by chance {percent(one['chance'])}")
    chart.update_yaxes(rangemode="tozero")
    chart.update_layout(legend={"orientation": "v"}, margin={"t": 130})
    return chart, relearn_reading(one)


def relearn_reading(one: Relearn) -> str:
    """Where the fine-tuned weights stand between what remembers all and what never knew: half-way, on the same images."""
    steps, curves = one["steps"], one["curves"]
    if not {"run", "random"} <= curves.keys():
        return "Too few starts were tried to say how deep it is forgotten."
    middle = len(steps) // 2
    run, ahead = curves["run"][middle], _ahead(one, "random", middle)
    text = f"After {count(steps[middle])} steps: {interval(_shares(one, 'run')[middle])} from the fine-tuned weights, "
    text += f"{percent(curves['random'][middle])} from random ones"
    if "pretrained" in curves:
        text += f", {percent(curves['pretrained'][middle])} from those of the start"
    if ahead["value"] <= 0 or within_noise(ahead):
        return f"{text}. Nothing shows that it learns the source faster than a network that never knew it."
    saved = _steps_to(steps, curves["random"], run)
    late = "more steps than were tried" if saved is None else f"{count(saved)} steps"
    text += (
        f": {_points(ahead)} ahead of random ones, more than noise. Those take {late} to get there: not all of it is "
        "gone, some is only out of reach."
    )
    return f"{text} {_behind(_ahead(one, 'pretrained', middle))}" if "pretrained" in curves else text


def relearn_table(one: Relearn) -> list[dict[str, Any]]:
    """A row for each number of steps: the shares with their intervals, and how far the run is ahead of the others."""
    rows = []
    for at, step in enumerate(one["steps"]):
        row: dict[str, Any] = {"steps": step}
        for start in one["curves"]:
            share = _shares(one, start)[at]
            row |= {start: share["value"], f"{start} low": share["low"], f"{start} high": share["high"]}
        for start, apart in (one.get("ahead") or {}).items():
            row |= {f"run minus {start} {what}": apart[at].get(what) for what in ("value", "low", "high")}
        rows.append(row)
    return rows


def _behind(ahead: Metric) -> str:
    """How the run stands against the weights that it started from."""
    if within_noise(ahead):
        return f"Against the weights of the start the difference is within noise: {_points(ahead)}."
    if ahead["value"] > 0:
        return f"It is even {_points(ahead)} ahead of the weights of the start."
    turned = {"value": -ahead["value"], "low": -ahead["high"], "high": -ahead["low"]}
    return f"It is {_points(turned)} behind the weights of the start: that much has to be learned again."


def _shares(one: Relearn, start: str) -> list[dict[str, float | None]]:
    """The shares of a start with their intervals, where they were measured with them."""
    ends = (one.get("spans") or {}).get(start) or [[None, None]] * len(one["curves"][start])
    return [{"value": value, "low": low, "high": high} for value, (low, high) in zip(one["curves"][start], ends, strict=True)]


def _ahead(one: Relearn, other: str, place: int) -> Metric:
    """How far the run is ahead of another start: paired, or in an older measurement as of independent images."""
    paired = (one.get("ahead") or {}).get(other)
    if paired:
        return paired[place]
    first, second = one["curves"]["run"][place], one["curves"][other][place]
    reach = _reach(first, second, one["images"])
    return {"value": first - second, "low": first - second - reach, "high": first - second + reach}


def _points(apart: Metric) -> str:
    ends = span(apart)
    minus = "−" if apart["value"] < 0 else ""
    return f"{minus}{points(apart['value'])}{f' ({ends})' if ends else ''}"


def _steps_to(steps: Sequence[int], values: Sequence[float], level: float) -> int | None:
    return next((step for step, value in zip(steps, values, strict=True) if value is not None and value >= level), None)


def _reach(first: float, second: float, images: int) -> float:
    """Half of the 95 % interval of a difference of two shares of so many images each, taken as independent."""
    return 1.96 * ((first * (1 - first) + second * (1 - second)) / images) ** 0.5
