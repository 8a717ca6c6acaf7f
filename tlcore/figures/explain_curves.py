"""Deletion and insertion curves: what the maps point at, taken away or put in first, against orders that know nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import plotly.graph_objects as go

from tlcore.figures.explain_words import deletion_words
from tlcore.figures.palette import BASELINE, RUNS
from tlcore.figures.style import figure
from tlcore.figures.words import percent, times

Direction = Literal["deletion", "insertion"]
DIRECTIONS: Final = ("deletion", "insertion")
_AXES = {"deletion": "Blurred so far (% of the picture)", "insertion": "Shown so far (% of the picture)"}
_ORDERS: Final = {  # name, colour, dash, width
    "map": ("what the maps point at first", RUNS[0], "solid", 3.0),
    "random": ("random places first", BASELINE, "dash", 2.0),
    "centre": ("the middle first", RUNS[3], "dot", 2.0),
}


def curve(found: Mapping[str, Any], direction: Direction) -> go.Figure | None:
    """The mean probability of the class on the way, for each order; None where no map has an order of places."""
    one = found[direction]
    if any(values is None for values in one["curves"].values()):
        return None
    watched = "Share of the class, of the two held against each other" if found.get("of_two") else "Probability of the class"
    chart = figure(x=_AXES[direction], y=f"{watched} (%)", height=400)
    at = [100 * share for share in found["fractions"]]
    for order, (name, colour, dash, width) in _ORDERS.items():
        chart.add_scatter(
            x=at,
            y=[100 * value for value in one["curves"][order]],
            mode="lines",
            line={"color": colour, "dash": dash, "width": width},
            name=f"{name}: area {one[order]['value']:.3f}",
            hovertemplate="%{x:.0f} %: %{y:.1f} %<extra></extra>",
        )
    chart.update_yaxes(rangemode="tozero")
    chart.update_layout(legend={"orientation": "v"}, margin={"t": 120})
    return chart


def curve_sentences(found: Mapping[str, Any], direction: Direction) -> list[str]:
    """Whether the maps beat random places, and the middle, with the paired differences of the areas."""
    first = deletion_words(found) if direction == "deletion" else insertion_words(found)
    told = [first, _against(found[direction], "centre", "a blob in the middle", better=-1 if direction == "deletion" else 1)]
    if direction == "deletion" and found["silent"]:
        told.append(f"{times(found['silent'], 'map')} without any order of places left out.")
    return [sentence for sentence in told if sentence]


def insertion_words(found: Mapping[str, Any]) -> str:
    """Whether what the maps point at brings the answer back sooner than random places."""
    one = found["insertion"]
    if one["less_random"]["value"] is None:
        return "No map has an order of places, so nothing could be put in."
    ends = f"From the blurred picture ({percent(found['blurred'])}) back to the whole one ({percent(found['whole'])})."
    return f"{ends} {_against(one, 'random', 'random places', better=1)}"


def curve_rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The areas with their intervals, and the paired differences."""
    names = {"map": "maps", "random": "random places", "centre": "middle first"}
    names |= {"less_random": "maps less random", "less_centre": "maps less middle"}
    return [
        {"curve": direction, "area of": words} | {name: found[direction][key][name] for name in ("value", "low", "high")}
        for direction in DIRECTIONS
        for key, words in names.items()
    ]


def _against(one: Mapping[str, Any], other: str, words: str, *, better: int) -> str:
    """The map's area less another order's; `better` is the sign that speaks for the map."""
    apart = one[f"less_{other}"]
    if apart["value"] is None:
        return ""
    ends = "" if apart["low"] is None else f" ({apart['low']:+.3f} to {apart['high']:+.3f})"
    told = f"Against {words} the area is {apart['value']:+.3f}{ends}"
    if apart["low"] is None or apart["low"] <= 0 <= apart["high"]:
        return f"{told}: within noise."
    return f"{told}: the maps do {'better' if apart['value'] * better > 0 else 'worse'}."
