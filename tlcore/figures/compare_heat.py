"""Every strategy in every setting at a glance: how far it is from the baseline there, and where that is noise."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go

from tlcore.compare.table import Row, best_of, tied_with_best
from tlcore.figures.compare_names import Names, is_control
from tlcore.figures.compare_style import metric_title
from tlcore.figures.compare_words import WITHIN, by_setting, gap_words, hurt_words, number, some, value_words
from tlcore.figures.palette import SEQUENTIAL
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import is_share, times

_UPRIGHT = 3  # settings up to which their names stand upright; more have no room for that on a phone
_HEAD, _LONG_HEAD = 26, 46  # characters of a line of a setting's name, upright and lying
_LINE, _AROUND = 30, 60  # pixels of a row, and of the rest besides the settings' names
_TIED_BELOW = "<br>≈"  # where cells are narrow
_TIED = " ≈"  # on a cell that is not the setting's best and cannot be told from it


def heat_map(rows: Sequence[Row], names: Names, metric: str) -> tuple[go.Figure, str]:
    """Strategies down, settings across. A cell says the mean, its colour where that is between the setting's worst and best.

    The best of a setting is bold, and those within noise of it carry a ≈.
    """
    settings = by_setting(rows)
    order = [name for name in names.spec.names if any(row.strategy == name for row in rows)]
    upright = len(settings) <= _UPRIGHT
    wrapped = [textwrap.wrap(names.setting(setting), _HEAD if upright else _LONG_HEAD) for setting in settings]
    columns = ["<br>".join(map(escaped, lines)) for lines in wrapped]
    top = 16 * max(map(len, wrapped)) if upright else 7 * max(len(line) for lines in wrapped for line in lines)
    chart = figure(x="", y="", height=_AROUND + top + (_LINE if upright else _LINE + 6) * len(order))
    shades: list[list[float | None]] = [[None] * len(columns) for _ in order]
    hovers = [["not done"] * len(columns) for _ in order]
    for across, here in enumerate(settings.values()):
        means = [row.estimate.mean for row in here]
        best, tied = best_of(here), [row.strategy for row in tied_with_best(here)]
        for row in here:
            down = order.index(row.strategy)
            shades[down][across] = (row.estimate.mean - min(means)) / max(max(means) - min(means), 1e-9)
            text = number(metric, row.estimate.mean)
            sign = (_TIED if upright else _TIED_BELOW) if row.strategy in tied else ""
            words = f"<b>{text}</b>" if row is best else f"{text}{sign}"
            # As a note, which takes the page's own ink: Plotly would write white on what it takes for a dark cell.
            chart.add_annotation(x=across, y=down, text=words, showarrow=False, font={"size": 13 if upright else 11})
            hovers[down][across] = escaped(f"{names.strategy(row.strategy)}: {value_words(row, metric)}")
    chart.add_heatmap(
        z=shades,
        x=list(range(len(columns))),
        y=list(range(len(order))),
        customdata=hovers,
        hovertemplate="%{customdata}<extra></extra>",
        colorscale=[[place, colour] for place, colour in SEQUENTIAL],
        showscale=False,
        xgap=2,
        ygap=2,
    )
    titles = [escaped(names.strategy(name)) for name in order]
    chart.update_yaxes(
        autorange="reversed", tickvals=list(range(len(order))), ticktext=titles, showgrid=False, zeroline=False, automargin=True
    )
    chart.update_xaxes(
        side="top",
        tickvals=list(range(len(columns))),
        ticktext=columns,
        tickangle=0 if upright else -90,
        showgrid=False,
        zeroline=False,
    )
    chart.update_layout(margin={"l": 10, "r": 10, "t": _AROUND - 10 + top, "b": 10})
    return chart, heat_reading(rows, names, metric)


def heat_reading(rows: Sequence[Row], names: Names, metric: str) -> str:
    """Whether one strategy is best, or within noise of the best, everywhere."""
    settings = by_setting(rows)
    unit = " in %" if is_share(metric) else ""
    key = f"{metric_title(metric)}{unit}; bold is a setting's best, ≈ is {WITHIN} of it."
    wins: Counter[str] = Counter()
    close: Counter[str] = Counter()
    for here in settings.values():
        best = best_of(here)
        wins[best.strategy] += 1
        close.update(row.strategy for row in [best, *tied_with_best(here)])
    if len(settings) < 2:
        return key
    everywhere = [names.strategy(name) for name in names.spec.names if close[name] == len(settings) > wins[name]]
    ((winner, most),) = wins.most_common(1)
    if most == len(settings):
        where = "both settings" if len(settings) == 2 else f"all {times(len(settings), 'setting')}"
        text = f"{names.strategy(winner)} has the highest mean in {where}."
    else:
        text = f"No strategy is best everywhere: {names.strategy(winner)} leads in {most} of {len(settings)} settings."
    if everywhere:
        text += f" Best, or {WITHIN} of the best, everywhere: {some(everywhere)}."
    return " ".join(part for part in (text, key, hurt_words(rows, names), _worst(rows, names, metric)) if part)


def _worst(rows: Sequence[Row], names: Names, metric: str) -> str:
    """The clearest loss against the baseline, if there is one: what choosing blindly can cost."""
    real = [row for row in rows if not is_control(names.spec, row.strategy)]
    behind = [row for row in real if row.gap is not None and row.gap.within_noise is False and row.gap.mean < 0]
    if not behind:
        return ""
    row = min(behind, key=lambda row: row.gap.mean if row.gap else 0.0)
    assert row.gap is not None
    base = names.strategy(names.spec.baseline)
    where = names.setting(row.setting)
    return f"The clearest loss: {names.strategy(row.strategy)} on {where}, {gap_words(row.gap, metric, base)}."
