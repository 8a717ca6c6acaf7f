"""How deep it is forgotten: how fast the source is learned again, from the pretrained, the run's and random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.palette import BASELINE, MARKERS, RUNS
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, percent, points

Relearn = Mapping[str, Any]  # {steps, curves {START: [shares]}, images, chance}, as tlcore/README.md has it
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
            hovertemplate="after %{x} steps: %{y:.1f} %<extra></extra>",
        )
    dash = {"color": BASELINE, "dash": "dash", "width": 1.5}
    chart.add_hline(100 * one["chance"], line=dash)
    chart.add_scatter(x=[None], y=[None], mode="lines", line=dash, name=f"by chance {percent(one['chance'])}")
    chart.update_yaxes(rangemode="tozero")
    chart.update_layout(legend={"orientation": "v"}, margin={"t": 130})
    return chart, relearn_reading(one)


def relearn_reading(one: Relearn) -> str:
    """Where the fine-tuned weights stand between what remembers all and what never knew; hedged by the images' noise."""
    steps, curves = one["steps"], one["curves"]
    if not {"run", "random"} <= curves.keys():
        return "Too few starts were tried to say how deep it is forgotten."
    middle = len(steps) // 2
    run, chance = curves["run"][middle], curves["random"][middle]
    ahead = run - chance
    text = f"After {count(steps[middle])} steps: {percent(run)} from the fine-tuned weights, {percent(chance)} from random ones"
    if "pretrained" in curves:
        text += f", {percent(curves['pretrained'][middle])} from those of the start"
    reach = _reach(run, chance, one["images"])
    if ahead <= reach:
        return f"{text}. Nothing shows that it learns the source faster than a network that never knew it."
    saved = _steps_to(steps, curves["random"], run)
    late = "more steps than were tried" if saved is None else f"{count(saved)} steps"
    return (
        f"{text}: {points(ahead)} ahead of random ones, more than noise. Those take {late} to get there: not all of it is "
        "gone, some is only out of reach."
    )


def relearn_table(one: Relearn) -> list[dict[str, Any]]:
    """A row for each number of steps."""
    return [
        {"steps": step} | {start: values[at] for start, values in one["curves"].items()} for at, step in enumerate(one["steps"])
    ]


def _steps_to(steps: Sequence[int], values: Sequence[float], level: float) -> int | None:
    return next((step for step, value in zip(steps, values, strict=True) if value is not None and value >= level), None)


def _reach(first: float, second: float, images: int) -> float:
    """Half of the 95 % interval of a difference of two shares of so many images each, taken as independent."""
    return 1.96 * ((first * (1 - first) + second * (1 - second)) / images) ** 0.5
