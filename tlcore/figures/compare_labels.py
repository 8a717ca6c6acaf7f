"""How a strategy does with more labels: a line for each, with the band of its 95 % interval."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import plotly.graph_objects as go

from tlcore.compare.spec import Setting
from tlcore.compare.table import Majority, Row, tied_with_best
from tlcore.figures.baseline import baseline
from tlcore.figures.compare_names import Names
from tlcore.figures.compare_style import band_limits, chart, majority_line, y_title
from tlcore.figures.compare_words import WITHIN, by_setting, gap_words, value_words
from tlcore.figures.palette import rgba
from tlcore.figures.style import escaped
from tlcore.figures.words import count, is_share


def by_labels(
    rows: Sequence[Row],
    names: Names,
    metric: str,
    majority: Majority | None = None,
    *,
    shown: Collection[str] | None = None,
) -> tuple[go.Figure, str]:
    """Rows of one dataset and backbone at several numbers of labels. The x axis is the images that a class really had.

    `shown` are the strategies that are drawn, None for all; the reading is of all.
    """
    scale = 100 if is_share(metric) else 1
    reading = labels_reading(rows, names, metric)
    rows = [row for row in rows if shown is None or row.strategy in shown]
    here = [name for name in names.spec.names if any(row.strategy == name for row in rows)]
    figure = chart("Training images of a class", y_title(metric), [names.strategy(name) for name in here])
    for name in here:
        line = sorted((row for row in rows if row.strategy == name), key=lambda row: row.per_class)
        look, title = names.look(name), names.strategy(name)
        banded = [(row, row.interval) for row in line if row.interval is not None]
        if len(banded) > 1:
            figure.add_scatter(
                x=[row.per_class for row, _ in banded] + [row.per_class for row, _ in reversed(banded)],
                y=[scale * span[1] for _, span in banded] + [scale * span[0] for _, span in reversed(banded)],
                fill="toself",
                fillcolor=rgba(look.colour, 0.12),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                legendgroup=name,
            )
        figure.add_scatter(
            x=[row.per_class for row in line],
            y=[scale * row.estimate.mean for row in line],
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 2.2},
            marker={"symbol": look.marker, "size": 9},
            name=escaped(title),
            legendgroup=name,
            customdata=[escaped(value_words(row, metric)) for row in line],
            hovertemplate=f"<b>{escaped(title)}</b>, %{{x:.0f}} of a class<br>%{{customdata}}<extra></extra>",
        )
    ticks = sorted({round(row.per_class, 1) for row in rows})
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[count(tick) for tick in ticks])
    level = None if majority is None else baseline(metric, majority.value, majority.classes)
    figure.update_yaxes(range=band_limits([(row.estimate.mean, row.interval) for row in rows], scale, level))
    majority_line(figure, level, metric, scale)
    return figure, reading


def labels_reading(rows: Sequence[Row], names: Names, metric: str) -> str:
    """Who leads with the fewest labels and with the most, and by more than noise or not."""
    settings = sorted(by_setting(rows).items(), key=lambda pair: pair[1][0].per_class)
    if len(settings) < 2:
        return "One number of labels so far: a line needs two."
    return " ".join(_leader(setting, here, names, metric) for setting, here in (settings[0], settings[-1]))


def _leader(setting: Setting, rows: Sequence[Row], names: Names, metric: str) -> str:
    ranked = sorted(rows, key=lambda row: -row.estimate.mean)
    where = f"With {names.labels(setting.images_per_class)}"
    text = f"{where}, {names.strategy(ranked[0].strategy)} leads with {value_words(ranked[0], metric)}"
    if len(ranked) < 2:
        return f"{text}."
    if len(tied_with_best(rows)) == len(ranked) - 1:
        return f"{text}, but every other strategy is {WITHIN} of it."
    gap = ranked[0].against.get(ranked[1].strategy)
    if gap is None:
        return f"{text}."
    return f"{text}, {gap_words(gap, metric, names.strategy(ranked[1].strategy))}."
