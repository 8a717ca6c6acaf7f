"""Validation over the epochs, a small picture for each strategy on the same axes: every seed thin, their mean thick."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from statistics import fmean

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tlcore.compare.table import Row
from tlcore.figures.compare_names import Names
from tlcore.figures.compare_style import y_title
from tlcore.figures.compare_words import some
from tlcore.figures.palette import rgba
from tlcore.figures.style import escaped
from tlcore.figures.words import is_share, measured, times

COLUMNS = 3  # as many have room for their titles on a phone
MANY, LINE, SHORT_LINE = 9, 165, 132  # with more strategies, and so many lines of pictures, each is lower; in pixels
TITLE = 14  # characters of a line above a picture: three stand side by side on a phone


def curves(rows: Sequence[Row], names: Names, metric: str) -> tuple[go.Figure, str]:
    """The strategies of one setting, in the comparison's order."""
    scale = 100 if is_share(metric) else 1
    columns = min(COLUMNS, max(1, len(rows)))
    height = LINE if len(rows) <= MANY else SHORT_LINE
    lines = max(1, math.ceil(len(rows) / columns))
    figure = make_subplots(
        rows=lines,
        cols=columns,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=["<br>".join(map(escaped, textwrap.wrap(names.strategy(row.strategy), TITLE))) for row in rows],
        horizontal_spacing=0.03,
        vertical_spacing=min(0.3 / max(lines - 1, 1), 46 / ((height - 15) * lines)) if lines > 1 else 0,
    )
    for place, row in enumerate(rows):
        look, where = names.look(row.strategy), {"row": place // columns + 1, "col": place % columns + 1}
        for seed, outcome in row.outcomes.items():
            points = [(epoch + 1, scale * one[metric]) for epoch, one in enumerate(outcome.curve) if one[metric] is not None]
            figure.add_scatter(
                x=[x for x, _ in points],
                y=[y for _, y in points],
                mode="lines+markers",
                line={"color": rgba(look.colour, 0.45), "width": 1.2},
                marker={"size": 4},
                name=f"seed {seed}",
                showlegend=False,
                **where,
            )
        mean = mean_curve(row, metric)
        figure.add_scatter(
            x=list(range(1, len(mean) + 1)),
            y=[None if value is None else scale * value for value in mean],
            mode="lines",
            line={"color": look.colour, "width": 3},
            name="mean",
            showlegend=False,
            **where,
        )
    figure.update_layout(
        height=95 + height * lines,
        margin={"l": 60, "r": 20, "t": 66, "b": 50},
        font={"size": 13, "family": "Arial, Helvetica, sans-serif"},
    )
    figure.update_annotations(font={"size": 12})
    longest = max((len(outcome.curve) for row in rows for outcome in row.outcomes.values()), default=1)
    figure.update_xaxes(dtick=max(1, math.ceil(longest / 5)), tick0=0)
    figure.update_xaxes(title={"text": "Epochs"}, row=lines)
    figure.update_yaxes(title={"text": y_title(metric, "Val.")}, col=1, row=(lines + 1) // 2)
    return figure, curves_reading(rows, names, metric)


def mean_curve(row: Row, metric: str) -> list[float | None]:
    """The mean over seeds after each epoch that all of them reached."""
    shortest = min(len(outcome.curve) for outcome in row.outcomes.values())
    return [
        None if any(value is None for value in values) else fmean(value for value in values if value is not None)
        for values in ([outcome.curve[epoch][metric] for outcome in row.outcomes.values()] for epoch in range(shortest))
    ]


def curves_reading(rows: Sequence[Row], names: Names, metric: str) -> str:
    """Who is ahead after the first epoch and at the end, and who was still rising when the budget ended."""
    known = [(row, [value for value in mean_curve(row, metric) if value is not None]) for row in rows]
    known = [(row, line) for row, line in known if line]
    if not known:
        return "No epoch has ended here yet."
    first = max(known, key=lambda pair: pair[1][0])
    last = max(known, key=lambda pair: pair[1][-1])
    text = f"After the first epoch {_says(first[0], first[1][0], names, metric)} is ahead on the validation split"
    if all(len(line) < 2 for _, line in known):
        return f"{text}; one epoch is all there is."
    same = "still" if first[0] is last[0] else names.strategy(last[0].strategy)
    text += f", at the end {same}{f' ({measured(metric, last[1][-1])})'}."
    rising = [row for row, line in known if len(line) >= 2 and line[-1] == max(line) and line[-1] > line[-2]]
    if not rising:
        return f"{text} No curve was still at its highest and rising when the {times(len(last[1]), 'epoch')} were over."
    who = some([names.strategy(row.strategy) for row in rising])
    return f"{text} Still rising when the budget ended: {who}; a longer one may change the order."


def _says(row: Row, value: float, names: Names, metric: str) -> str:
    return f"{names.strategy(row.strategy)} ({measured(metric, value)})"
