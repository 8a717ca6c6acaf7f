"""The probe by depth: how well a linear layer reads the task off every group, with the weights of each source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.baseline import baseline
from tlcore.figures.layers_axis import Depth, Look, Result, add_line, depth_chart, looks
from tlcore.figures.palette import BASELINE, WARM
from tlcore.figures.words import METRICS, apart, is_share, measured, measured_interval
from tlcore.groups import run_together

Measured = Mapping[str, float | None]  # {value, low, high, method}
PROBED = ("auroc", "balanced_accuracy", "accuracy")


def judged_by(result: Result) -> str:
    """The metric that the job itself judged by."""
    return result["rank"]["with"]


def probe_by_depth(result: Result, metric: str) -> tuple[go.Figure, list[str]]:
    """Test-split values with their 95 % intervals over the stack, the best of the first source ringed; the reading.

    The slabs are those of the recommended level, and the line between ice and warm goes on through the figure.
    """
    depth, sources = Depth.of(result), looks(result)
    scale = 100 if is_share(metric) else 1
    title = METRICS[metric][0]
    unit = " (%)" if is_share(metric) else ""
    chart = depth_chart(f"{title} of a linear probe{unit}", lines=len(sources) + 2, height=320)
    for look in sources:
        points = [
            (
                name,
                scale * one["value"],
                _scaled(one["low"], scale),
                _scaled(one["high"], scale),
                measured_interval(metric, one),
            )
            for name, one in _values(result, look, metric)
        ]
        sure = any(low is not None for _, _, low, _, _ in points)
        add_line(chart, depth, look, points, name=f"{look.title}, with{'' if sure else 'out'} 95 % interval")
    _closely(chart, scale * _nothing_learnt(result, metric), len(depth.groups), scale)
    _ring(chart, result, sources[0], metric, scale)
    if depth.thawed_from in depth.groups:
        border = depth.groups.index(depth.thawed_from) - 0.5
        chart.add_shape(type="line", x0=border, x1=border, y0=-0.015, y1=1, yref="paper", line={"color": WARM, "dash": "dot"})
    depth.draw(chart)
    return chart, probe_reading(result, metric)


def probe_reading(result: Result, metric: str) -> list[str]:
    """Source by source: where it is best, against its bottom and its top; and where it differs beyond the intervals."""
    first, *others = looks(result)
    own = dict(_values(result, first, metric))
    sentences = [_shape(result, first, metric)]
    for look in others:
        values = dict(_values(result, look, metric))
        both = [name for name in values if name in own and None not in (values[name]["low"], own[name]["low"])]
        below = sum(_above(own[name], values[name]) for name in both)
        above = sum(_above(values[name], own[name]) for name in both)
        sentences.append(f"{_shape(result, look, metric)} {_beside(first.title, below, above, len(both))}".strip())
    level = measured(metric, _nothing_learnt(result, metric))
    sentences[0] += f" Always naming the largest class gets {level}."
    return sentences


def intervals_words(result: Result, metric: str) -> str:
    """'95 % intervals over images', or where no value of the metric has one 'no intervals: ' and why."""
    found = [one[metric] for entry in result["groups"] for one in entry["probe"].values() if one is not None]
    if has_intervals(result, metric):
        return f"95 % intervals over {result['intervals_over']}"
    whys = dict.fromkeys(one["reason"] for one in found if one.get("reason"))
    return "no intervals" + (f": {', or '.join(whys)}" if whys else "")


def has_intervals(result: Result, metric: str) -> bool:
    """Whether any value of the metric has an interval."""
    return any(
        one is not None and one[metric]["low"] is not None for entry in result["groups"] for one in entry["probe"].values()
    )


def probe_table(result: Result) -> list[dict[str, Any]]:
    """Every number of the figure, a row for each source and place."""
    rows = []
    for look in looks(result):
        for entry in result["groups"]:
            found = entry["probe"].get(look.source)
            row: dict[str, Any] = {"weights": look.source, "layer": entry["name"], "group": entry["group"]}
            for metric in PROBED:
                one = (found or {}).get(metric) or {}
                row |= {metric: one.get("value"), f"{metric} 95 % from": one.get("low"), f"{metric} to": one.get("high")}
            rows.append(row | {"penalty": (found or {}).get("penalty"), "test images": (found or {}).get("images")})
    return rows


def _nothing_learnt(result: Result, metric: str) -> float:
    return baseline(metric, result["majority_baseline"], len(result["classes"]))


def _closely(chart: go.Figure, level: float, groups: int, scale: int) -> None:
    """Show the answers closely, for what differs between groups is what is asked; the baseline where it is among them."""
    ends = [
        end
        for line in chart.data
        for value, up, down in zip(line.y, line.error_y.array, line.error_y.arrayminus, strict=True)
        for end in (value - down, value + up)
    ]
    if not ends:
        return
    pad = max(0.01 * scale, 0.1 * (max(ends) - min(ends)))
    low, high = min(ends) - pad, min(1.01 * scale, max(ends) + pad)
    chart.update_yaxes(range=[low, high])
    if low <= level <= high:
        chart.add_scatter(
            x=[-0.5, groups - 0.5],
            y=[level, level],
            mode="lines",
            line={"color": BASELINE, "dash": "dash"},
            name="largest class alone",
            hoverinfo="skip",
        )


def _values(result: Result, look: Look, metric: str) -> list[tuple[str, Measured]]:
    """(place, measured) of each place where the probe is defined, bottom to top."""
    found = [(entry["name"], entry["probe"].get(look.source)) for entry in result["groups"]]
    return [(name, one[metric]) for name, one in found if one is not None and one[metric]["value"] is not None]


def _whole(result: Result, look: Look, metric: str) -> list[tuple[str, Measured]]:
    """The values of whole groups alone: levels are made of these."""
    groups = {entry["group"] for entry in result["groups"]}
    return [value for value in _values(result, look, metric) if value[0] in groups]


def _best(values: list[tuple[str, Measured]]) -> tuple[str, Measured]:
    """The highest value; of equals the uppermost, as the recommendation has it."""
    return max(reversed(values), key=lambda value: value[1]["value"])


def _shape(result: Result, look: Look, metric: str) -> str:
    values = _whole(result, look, metric)
    if not values:
        return f"{look.title}: no probe is defined."
    best = _best(values)
    bottom, top = values[0], values[-1]
    names = [name for name, _ in values]
    alike = [name for name, one in values if measured(metric, one["value"]) == measured(metric, best[1]["value"])]
    where = run_together(alike, names) + (", which read alike" if len(alike) > 1 else "")
    text = f"{look.title}: best at {where}, {METRICS[metric][0]} {measured_interval(metric, best[1])}"
    for other in (bottom, top):
        if other[0] not in alike:
            less = apart(metric, best[1]["value"] - other[1]["value"])
            text += f"; at {other[0]} {less} less ({_told(best[1], other[1])})"
    return f"{text}."


def _beside(first: str, below: int, above: int, places: int) -> str:
    if not places:
        return ""
    said = [f"{words} at {number}" for number, words in ((below, "below it"), (above, "above it")) if number]
    if not said:
        return f"At none of {places} places do its interval and that of {first} lie apart."
    return f"Beside {first}, it lies {' and '.join(said)} of {places} places beyond both intervals."


def _told(one: Measured, other: Measured) -> str:
    if one["low"] is None or other["high"] is None:
        return "without an interval"
    return "beyond both intervals" if _above(one, other) else "the intervals overlap"


def _above(one: Measured, other: Measured) -> bool:
    return one["low"] is not None and other["high"] is not None and one["low"] > other["high"]


def _scaled(value: float | None, scale: int) -> float | None:
    return None if value is None else scale * value


def _ring(chart: go.Figure, result: Result, look: Look, metric: str, scale: int) -> None:
    values = _whole(result, look, metric)
    if not values:
        return
    name, best = _best(values)
    chart.add_scatter(
        x=[Depth.of(result).places[name] + look.beside],
        y=[scale * best["value"]],
        mode="markers",
        marker={"color": look.colour, "size": 20, "symbol": "circle-open", "line": {"width": 3}},
        name=f"the best of {look.title}",
        hoverinfo="skip",
    )
