"""What a strategy gains against what it costs, the front marked: nothing off it is both cheaper and better."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from tlcore.compare.pareto import pareto_front
from tlcore.compare.table import Majority, Row
from tlcore.figures.baseline import baseline
from tlcore.figures.compare_names import Names, is_control
from tlcore.figures.compare_style import band_limits, chart, log_axis, majority_line, y_title
from tlcore.figures.compare_words import WITHIN, gain_words, value_words
from tlcore.figures.palette import TRAIN
from tlcore.figures.style import escaped
from tlcore.figures.words import duration, is_share, listing, measured, percent, short_count


@dataclass(frozen=True)
class Cost:
    """What may stand on the x axis: how it reads from a row, and its words. None: the row's runs did not measure it."""

    title: str
    axis: str
    tick: Callable[[float], str]
    of: Callable[[Row], float | None]
    words: Callable[[float], str]
    log: bool = True


_NEAR = 0.22  # of the axis: names closer than this would run into one another
_ABOVE = 16  # pixels from a marker to its name

COSTS: Mapping[str, Cost] = {
    "parameters": Cost(
        "Trainable parameters",
        "Parameters that train",
        short_count,
        lambda row: float(row.trainable_params),
        lambda value: f"{short_count(value)} parameters",
    ),
    "time": Cost(
        "Training time", "Training time", lambda value: duration(value).replace(".0", ""), lambda row: row.seconds, duration
    ),
    "forgetting": Cost("Forgetting", "Forgotten of the old task", percent, lambda row: row.forgetting, percent, log=False),
}


def costs_known(rows: Sequence[Row]) -> list[str]:
    """The costs that every row has."""
    return [name for name, cost in COSTS.items() if rows and all(cost.of(row) is not None for row in rows)]


def pareto(
    rows: Sequence[Row], cost_name: str, names: Names, metric: str, majority: Majority | None = None
) -> tuple[go.Figure, str]:
    """The strategies of one setting; front members are filled and joined, with a computed reading."""
    cost = COSTS[cost_name]
    known = [(row, value) for row in rows if (value := cost.of(row)) is not None]
    figure = chart(cost.axis, y_title(metric), [names.strategy(row.strategy) for row, _ in known])
    scale = 100 if is_share(metric) else 1
    front = pareto_front([(value, row.estimate.mean) for row, value in known])
    figure.add_scatter(
        x=[known[place][1] for place in front],
        y=[scale * known[place][0].estimate.mean for place in front],
        mode="lines",
        line={"color": TRAIN, "width": 1.5, "shape": "hv"},
        name="the front",
        hoverinfo="skip",
    )
    for place, (row, value) in enumerate(known):
        look, on_front = names.look(row.strategy), place in front
        span = row.interval
        title = names.strategy(row.strategy)
        figure.add_scatter(
            x=[value],
            y=[scale * row.estimate.mean],
            error_y=None if span is None else _bars(scale, row.estimate.mean, span),
            mode="markers",
            marker={
                "color": look.colour,
                "symbol": look.marker,
                "size": 13 if on_front else 10,
                "opacity": 1 if on_front else 0.6,
            },
            name=escaped(title),
            hovertemplate=f"<b>{escaped(title)}</b><br>{escaped(value_words(row, metric))}<br>"
            f"{escaped(cost.words(value))}<extra></extra>",
        )
    level = None if majority is None else baseline(metric, majority.value, majority.classes)
    figure.update_yaxes(range=band_limits([(row.estimate.mean, row.interval) for row, _ in known], scale, level))
    majority_line(figure, level, metric, scale)
    if cost.log:
        log_axis(figure, [value for _, value in known], cost.tick)
    _name(figure, [known[place] for place in front], names, scale, log=cost.log)
    return figure, pareto_reading(known_rows=known, cost=cost, names=names, metric=metric)


def _name(figure: go.Figure, front: Sequence[tuple[Row, float]], names: Names, scale: float, *, log: bool) -> None:
    """Names beside the front's markers, the best one's first: above, else below, else none where another is too close."""
    costs = [math.log10(value) if log else value for _, value in front]
    span = figure.layout.xaxis.range or (min(costs), max(costs))
    near = _NEAR * (span[1] - span[0])
    taken: dict[int, list[float]] = {_ABOVE: [], -_ABOVE: []}
    for cost, (row, _) in reversed(list(zip(costs, front, strict=True))):
        side = next((side for side, others in taken.items() if all(abs(cost - other) >= near for other in others)), None)
        if side is None:
            continue
        taken[side].append(cost)
        right = cost > span[0] + 0.75 * (span[1] - span[0])
        figure.add_annotation(
            x=cost,
            y=scale * row.estimate.mean,
            text=escaped(names.strategy(row.strategy)),
            showarrow=False,
            yshift=side,
            xshift=-6 if right else 6,
            xanchor="right" if right else "left",
            font={"size": 12},
        )


def pareto_reading(known_rows: Sequence[tuple[Row, float]], cost: Cost, names: Names, metric: str) -> str:
    """Who is on the front, what its first step buys, and from where more of the cost buys nothing but noise."""
    if not known_rows:
        return "Nothing has finished here yet."
    front = [known_rows[place] for place in pareto_front([(value, row.estimate.mean) for row, value in known_rows])]
    each = [
        f"{names.strategy(row.strategy)} ({cost.words(value)}, {measured(metric, row.estimate.mean)})" for row, value in front
    ]
    if len(front) == 1:
        alone = f"{each[0]} is the whole front: it costs the least and gains the most."
        return alone if len(known_rows) > 1 else f"{each[0]} is all there is so far."
    text = f"On the front, from the cheapest: {listing(each[:6])}{', and more' if len(each) > 6 else ''}."
    cheapest, best = front[0][0], front[-1][0]
    gap = best.against.get(cheapest.strategy)
    if gap is None:
        return text
    span = gain_words(gap, metric)
    if gap.within_noise:
        return f"{text} From its cheap end to its best it gains {span}. Nothing here shows that paying more buys more."
    text = f"{text} All the way up it gains {span}"
    enough = next((row for row, _ in front if row is best or _within(best, row)), best)
    if enough is best or is_control(names.spec, enough.strategy):
        return f"{text}."
    return f"{text}; {names.strategy(enough.strategy)} is already {WITHIN} of the best."


def _within(best: Row, row: Row) -> bool:
    gap = best.against.get(row.strategy)
    return gap is not None and bool(gap.within_noise)


def _bars(scale: float, mean: float, span: tuple[float, float]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [scale * (span[1] - mean)],
        "arrayminus": [scale * (mean - span[0])],
        "thickness": 1.3,
        "width": 5,
    }
