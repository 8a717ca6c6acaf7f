"""How far the images are from everyday photographs at each depth, beside what chance alone gives."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from tlcore.figures.layers_axis import Depth, Result, add_line, depth_chart, looks
from tlcore.figures.palette import BASELINE
from tlcore.figures.words import count, decimal, times

MEASURES = {  # the first is the one that the evidence beside a recommended level speaks of
    "shift": (
        "Kernel distance (MMD)",
        "How far the two clouds of features lie apart (maximum mean discrepancy), as a share of the most it could be: 0 for "
        "one kind of picture, 1 where nothing is alike.",
    ),
    "a_distance": (
        "Proxy A-distance",
        "How well a linear classifier tells the two kinds of image apart on images that it has not seen: 0 where it guesses, 2 "
        "where it is never wrong.",
    ),
}
_TOP = {"a_distance": 2.1, "shift": 1.05}


def shift_by_depth(result: Result, measure: str) -> tuple[go.Figure | None, str]:
    """A measure with its 95 % interval over the stack, and dashed what the photographs' own halves reach by chance."""
    values = _values(result, measure)
    if not values:
        return None, " ".join(dict.fromkeys(_whys(result)))
    depth, look = Depth.of(result), looks(result)[0]
    title = MEASURES[measure][0]
    chart = depth_chart(title, lines=2)
    points = [(name, one["value"], one["low"], one["high"], _words(title, one)) for name, one in values]
    add_line(chart, depth, look, points, name=f"{look.title}, with 95 % interval")
    chart.add_scatter(
        x=[depth.places[name] for name, _ in values],
        y=[one["chance"] for _, one in values],
        mode="lines",
        line={"color": BASELINE, "dash": "dash"},
        name="two halves of the photographs, by chance",
        hovertemplate="by chance %{y:.3f}<extra></extra>",
    )
    chart.update_yaxes(range=[-0.03, _TOP[measure]])
    depth.draw(chart)
    return chart, shift_reading(result, measure)


def shift_reading(result: Result, measure: str) -> str:
    """Where the images first differ from photographs by more than chance, and where the most."""
    values = _values(result, measure)
    beyond = [name for name, one in values if (one["value"] if one["low"] is None else one["low"]) > one["chance"]]
    alike = sum(one["low"] is None for _, one in values)
    furthest = max(values, key=lambda one: one[1]["value"])
    about = result["shift"]
    against = f"{MEASURES[measure][1]} Against {count(about['photographs'])} images of {about['source']}."
    if alike:
        against += f" No interval at {times(alike, 'place')}, where all resamples give the same."
    if not beyond:
        return f"At no place is the distance more than what chance gives between photographs. {against}"
    number = "every place" if len(beyond) == len(values) else f"{len(beyond)} of {len(values)} places, first at {beyond[0]}"
    equal = [name for name, one in values if one["value"] == furthest[1]["value"]]
    if len(equal) > 1:
        where = "every place" if len(equal) == len(values) else f"{len(equal)} of {len(values)} places, first at {equal[0]}"
        return f"More than chance at {number}. Furthest, {decimal(furthest[1]['value'])}, at {where}. {against}"
    return f"More than chance at {number}. Furthest at {furthest[0]}: {_words('', furthest[1]).strip()}. {against}"


def shift_table(result: Result) -> list[dict[str, Any]]:
    """Both measures of every place."""
    return [
        {"layer": entry["name"]}
        | {
            f"{name} {what}": one[what]
            for name in MEASURES
            for one in (_measured(entry["shift"], name),)
            for what in ("value", "low", "high", "chance")
        }
        for entry in result["groups"]
        if entry.get("shift")
    ]


def _values(result: Result, measure: str) -> list[tuple[str, dict[str, float | None]]]:
    return [(entry["name"], _measured(entry["shift"], measure)) for entry in result["groups"] if entry.get("shift")]


def _measured(shift: dict[str, Any], measure: str) -> dict[str, float | None]:
    """{value, low, high, chance} of either measure."""
    if measure == "a_distance":
        return shift["a_distance"]
    return {"value": shift["shift"], "low": shift["low"], "high": shift["high"], "chance": shift["floor"]}


def _whys(result: Result) -> list[str]:
    return [why for entry in result["groups"] if (why := entry["why"].get("shift"))]


def _words(title: str, one: dict[str, float | None]) -> str:
    ends = "" if one["low"] is None else f" ({one['low']:.3f} to {one['high']:.3f})"
    return f"{title} {decimal(one['value'])}{ends}, by chance {decimal(one['chance'])}"
