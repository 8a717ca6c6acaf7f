"""Which classes of the source were lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.forgetting_words import Source
from tlcore.figures.palette import SOURCE, TRAIN
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, percent, points

_ROW = 30  # pixels


def ordered(source: Source) -> list[dict[str, Any]]:
    """The classes, what lost the most first."""
    return sorted(source.get("classes") or [], key=lambda one: (one["after"] - one["before"], one["name"]))


def lost_classes(source: Source) -> tuple[go.Figure | None, str]:
    """Each class before and after, what lost most on top; no figure where classes are not known."""
    classes = ordered(source)
    if not classes:
        return None, (source.get("why") or {}).get("classes") or "This source has no labels, so no classes."
    rows = list(range(len(classes)))
    chart = figure(x="Named rightly (%)", y="", height=150 + _ROW * len(classes))
    for row, one in enumerate(classes):
        chart.add_scatter(
            x=[100 * one["before"], 100 * one["after"]],
            y=[row, row],
            mode="lines",
            line={"color": SOURCE, "width": 2},
            showlegend=False,
            hoverinfo="skip",
        )
    for key, colour, symbol, title in (("before", TRAIN, "circle-open", "before"), ("after", SOURCE, "circle", "after")):
        chart.add_scatter(
            x=[100 * one[key] for one in classes],
            y=rows,
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 12, "line": {"width": 2, "color": colour}},
            name=title,
            customdata=[f"{escaped(one['name'])}: {percent(one[key], 0)} of {count(one['images'])} images" for one in classes],
            hovertemplate="%{customdata}<extra>" + title + "</extra>",
        )
    chart.update_yaxes(
        tickvals=rows, ticktext=[escaped(one["name"]) for one in classes], autorange="reversed", automargin=True, zeroline=False
    )
    chart.update_xaxes(range=[-3, 103])
    chart.update_layout(margin={"t": 60, "l": 10})
    return chart, classes_reading(classes)


def classes_reading(classes: Sequence[dict[str, Any]]) -> str:
    """Which class lost the most, beside how far chance alone moves a class of so few images."""
    worst, best = classes[0], classes[-1]
    fell = worst["before"] - worst["after"]
    if fell <= 0:
        return "No class is known worse than before."
    text = (
        f"{worst['name']} lost the most: {points(fell, 0)}, from {percent(worst['before'], 0)} to {percent(worst['after'], 0)} "
        f"of its {count(worst['images'])} images."
    )
    if best["after"] > best["before"]:
        text += f" {best['name']} gained {points(best['after'] - best['before'], 0)}."
    reach = 1.96 * (0.5 / worst["images"]) ** 0.5
    return f"{text} So few images of a class move by up to {points(reach, 0)} by chance alone."
