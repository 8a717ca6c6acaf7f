"""What the figures of a layers run share: the stack as their x axis, and a colour and a marker for each source of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.depth import slab_axis
from tlcore.figures.layer_seen import source_title
from tlcore.figures.palette import ICE, MARKERS, RUNS, WARM, rgba, slab
from tlcore.figures.style import escaped, figure
from tlcore.groups import HEAD

Result = Mapping[str, Any]  # of a layers run: tlcore/README.md
X = "Layer group, from the image to the head"
_LINE = 26  # pixels of a line of the legend
_ABOVE, _BELOW = 44, 88  # pixels above the legend and below the plot; names that stand on end make room for themselves
_SLAB = (19, 4)  # pixels below the plot where a slab ends and begins
_BAND = 0.18  # how much of its colour a band has
_BESIDE = 0.06  # what sources of one place are set apart by, so that their intervals can be told apart


@dataclass(frozen=True)
class Depth:
    """Where each place stands: a group on its slab, the blocks within it side by side on that slab."""

    groups: tuple[str, ...]  # bottom to top, the head last
    places: Mapping[str, float]
    thawed_from: str | None  # the group from which up the slabs are warm; None: all are ice

    @classmethod
    def of(cls, result: Result) -> Depth:
        """Read from a result; the slabs are those of the level that it recommends."""
        members: dict[str, list[str]] = {}
        for entry in result["groups"]:
            members.setdefault(entry["group"], []).append(entry["name"])
        places = {}
        for at, names in enumerate(members.values()):
            for turn, name in enumerate(names):
                places[name] = at if len(names) == 1 else at - 0.38 + 0.76 * turn / (len(names) - 1)
        advice = result.get("recommendation")
        return cls((*members, HEAD), places, advice["group"] if advice else None)

    def draw(self, chart: go.Figure) -> None:
        """Make the slabs the chart's x axis."""
        border = self.groups.index(self.thawed_from) if self.thawed_from in self.groups else len(self.groups)
        looks = [(slab(None, 1), ICE) if at < border else (slab(1, 1), WARM) for at in range(len(self.groups))]
        height = chart.layout.height - chart.layout.margin.t - chart.layout.margin.b
        slab_axis(chart, self.groups, looks, ends=(-_SLAB[0] / height, -_SLAB[1] / height))


@dataclass(frozen=True)
class Look:
    """How a source of weights is drawn and called, in every figure of the page."""

    source: str
    colour: str
    symbol: str
    beside: float = 0.0

    @property
    def title(self) -> str:
        return source_title(self.source)


def looks(result: Result) -> list[Look]:
    """One for each source, in the order of the result."""
    sources = list(result["weights"])
    return [
        Look(source, RUNS[at % len(RUNS)], MARKERS[at % len(MARKERS)], (at - (len(sources) - 1) / 2) * _BESIDE)
        for at, source in enumerate(sources)
    ]


def depth_chart(y: str, *, lines: int, height: int = 300) -> go.Figure:
    """An empty figure over the stack, `height` pixels of it for the plot, with room for a legend of so many lines."""
    chart = figure(x=X, y=y, height=height + _ABOVE + _LINE * lines + _BELOW)
    chart.update_xaxes(automargin=True)
    chart.update_layout(
        margin={"t": _ABOVE + _LINE * lines, "b": _BELOW}, legend={"orientation": "v", "y": 1.01}, showlegend=True
    )
    return chart


def add_line(
    chart: go.Figure,
    depth: Depth,
    look: Look,
    points: Sequence[tuple[str, float | None, float | None, float | None, str]],
    *,
    name: str | None = None,
    yaxis: str = "y",
    dash: str = "solid",
    legend: bool = True,
) -> None:
    """A line over the stack; a point is (place, value, low, high, words on hover), low and high None without an interval."""
    chart.add_scatter(
        x=[depth.places[place] + look.beside for place, *_ in points],
        y=[value for _, value, *_ in points],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [_reach(value, high) for _, value, _, high, _ in points],
            "arrayminus": [_reach(value, low) for _, value, low, _, _ in points],
            "thickness": 1.5,
            "width": 4,
        },
        mode="lines+markers",
        yaxis=yaxis,
        line={"color": look.colour, "width": 2.5, "dash": dash},
        marker={"color": look.colour, "symbol": look.symbol, "size": 9},
        name=escaped(name or look.title),
        showlegend=legend,
        customdata=[[escaped(place), escaped(words)] for place, *_, words in points],
        hovertemplate="%{customdata[0]}: %{customdata[1]}<extra>" + escaped(look.title) + "</extra>",
    )


def add_band(
    chart: go.Figure, depth: Depth, look: Look, points: Sequence[tuple[str, float | None, float | None, float | None, str]]
) -> None:
    """The intervals of `add_line`'s points as a band behind the line; a place without one is left out of it."""
    known = [(depth.places[place] + look.beside, low, high) for place, _, low, high, _ in points if None not in (low, high)]
    chart.add_scatter(
        x=[x for x, *_ in known] + [x for x, *_ in reversed(known)],
        y=[high for *_, high in known] + [low for _, low, _ in reversed(known)],
        fill="toself",
        fillcolor=rgba(look.colour, _BAND),
        mode="lines",
        line={"width": 0},
        showlegend=False,
        hoverinfo="skip",
    )


def _reach(value: float | None, end: float | None) -> float:
    return 0.0 if value is None or end is None else abs(end - value)
