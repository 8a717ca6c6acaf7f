"""What the figures of a comparison have in common: the legend below, the majority baseline dashed, and a close y axis."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tlcore.figures.compare_words import metric_title
from tlcore.figures.palette import BASELINE
from tlcore.figures.style import figure
from tlcore.figures.words import is_share, measured

_LINE = 21  # pixels of a line of the legend
_ROOM = 96  # characters of names in a line of the legend, on a page of the usual width


def chart(x: str, y: str, *, entries: int, titles: Sequence[str] = (), height: int = 360) -> go.Figure:
    """An empty figure with room below it for a legend of `entries` names: up to 25 strategies fit."""
    characters = sum(len(title) + 8 for title in titles) or 20 * entries
    lines = max(1, -(-characters // _ROOM))
    made = figure(x=x, y=y, height=height + lines * _LINE)
    made.update_layout(
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"t": 30, "b": 64 + lines * _LINE},
    )
    return made


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
    if level is not None and low - level < (high - low):
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
