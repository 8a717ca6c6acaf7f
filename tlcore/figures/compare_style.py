"""What the figures of a comparison have in common: legend, round ticks, the majority baseline dashed, a close y axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from tlcore.figures.compare_legend import OWN_LEGEND
from tlcore.figures.compare_words import metric_title
from tlcore.figures.palette import BASELINE
from tlcore.figures.style import figure
from tlcore.figures.words import is_share, measured

_LINE = 21  # pixels of a line of the legend
_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0))  # of a logarithmic axis, each power of ten
_TICKS = 3  # at least, where the finest steps give them
_ROOM = 96  # characters of names in a line of the legend, on a page of the usual width


def chart(x: str, y: str, titles: Sequence[str], *, height: int = 380) -> go.Figure:
    """An empty figure with room below it for a legend of `titles`; too many have a legend of their own."""
    made = figure(x=x, y=y, height=height)
    if len(titles) > OWN_LEGEND:
        return made.update_layout(showlegend=False, margin={"t": 40, "b": 60})
    lines = max(1, -(-sum(len(title) + 8 for title in (*titles, "largest class alone, 50.0 %")) // _ROOM))
    return made.update_layout(
        height=height + lines * _LINE,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"t": 40, "b": 64 + lines * _LINE},
        showlegend=True,
    )


def log_axis(figure: go.Figure, values: Sequence[float], words: Callable[[float], str]) -> None:
    """A logarithmic x axis with round ticks and some room at both ends, where names stand."""
    low, high = math.log10(min(values)), math.log10(max(values))
    pad = max(0.14 * (high - low), 0.12)
    powers = range(math.floor(low - pad), math.ceil(high + pad) + 1)
    shown: list[float] = []
    for steps in _STEPS:
        ticks = [step * 10.0**power for power in powers for step in steps]
        shown = [tick for tick in ticks if low - pad <= math.log10(tick) <= high + pad]
        if len(shown) >= _TICKS:
            break
    figure.update_xaxes(type="log", range=[low - pad, high + pad], tickvals=shown, ticktext=[words(tick) for tick in shown])


def y_title(metric: str, split: str = "Test") -> str:
    title = metric_title(metric)
    title = f"{split} {title if title.isupper() else title.lower()}"
    return f"{title} (%)" if is_share(metric) else title


def band_limits(
    points: Sequence[tuple[float, tuple[float, float] | None]], scale: float, level: float | None
) -> list[float] | None:
    """Close to the points and their intervals; the majority baseline is taken in where it is near. None without points.

    An interval of few seeds can be wider than all differences together: it may run out of the picture, the points never.
    """
    if not points:
        return None
    means = [mean for mean, _ in points]
    spread = max(max(means) - min(means), 0.04)
    low = min([max(span[0], min(means) - spread) for _, span in points if span] + means)
    high = max([min(span[1], max(means) + spread) for _, span in points if span] + means)
    if level is not None and low - level < 0.5 * (high - low):
        low = min(low, level)
    pad = 0.12 * max(high - low, 0.02)
    return [scale * max(-0.01, low - pad), scale * min(1.015, high + pad)]


def majority_line(figure: go.Figure, level: float | None, metric: str, scale: float) -> None:
    """What a model gets that has learnt nothing, dashed over the whole width, where the axis reaches it; named all the same."""
    if level is None:
        return
    limits = figure.layout.yaxis.range
    name = f"largest class alone, {measured(metric, level)}"
    if limits is not None and not limits[0] <= scale * level <= limits[1]:
        name += " (below)"
    else:
        figure.add_hline(scale * level, line={"color": BASELINE, "dash": "dash", "width": 1.5})
    figure.add_scatter(x=[None], y=[None], mode="lines", line={"color": BASELINE, "dash": "dash"}, name=name)
