"""Where it is forgotten: how much of the source comes back with each group's old weights, and what the target pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.depth import slab_axis
from tlcore.figures.forgetting_words import Metric, Source
from tlcore.figures.palette import ICE, SOURCE, TEST, TRAIN, WARM, slab
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import interval, percent
from tlcore.groups import HEAD
from tlcore.strategies import Plan

STATISTICS = "batchnorm"
TITLES = {STATISTICS: "BatchNorm statistics"}
_BESIDE = 0.09  # what source and target are set apart by, so that their intervals can be told apart


def restore(source: Source, plan: Plan | None = None) -> tuple[go.Figure | None, list[str]]:
    """Source and target after each group alone was put back, over the stack; the BatchNorm statistics apart, on the right.

    `plan` is the run's: it says which slabs were thawed. No figure where nothing was put back.
    """
    measured = places(source)
    if not measured:
        return None, [(source.get("why") or {}).get("restore") or "Nothing was put back in this measurement."]
    chart = figure(x="What has its old values back, all else fine-tuned", y="Accuracy (%)", height=460)
    names = list(measured)
    spots = [at + (0.35 if name == STATISTICS else 0.0) for at, name in enumerate(names)]
    own = "source" if source["measure"] == "accuracy" else "source (agreement)"
    for key, colour, symbol, title, beside in (
        ("source", SOURCE, "circle", own, -_BESIDE),
        ("target", TEST, "square", "target", _BESIDE),
    ):
        known = [(x, measured[name][key]) for x, name in zip(spots, names, strict=True) if measured[name].get(key)]
        chart.add_scatter(
            x=[x + beside for x, _ in known],
            y=[100 * one["value"] for _, one in known],
            error_y=_bars([one for _, one in known]),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            name=title,
            customdata=[interval(one) for _, one in known],
            hovertemplate="%{customdata}<extra>" + title + "</extra>",
        )
    for key, dash, words in (("after", "dot", "as fine-tuned"), ("before", "dash", "before training")):
        chart.add_hline(100 * source[key]["value"], line={"color": SOURCE, "dash": dash, "width": 1.5})
        name = f"source {words}, {percent(source[key]['value'])}"
        chart.add_scatter(x=[None], y=[None], mode="lines", line={"color": SOURCE, "dash": dash}, name=name)
    _slabs(chart, names, spots, plan)
    chart.update_yaxes(range=[0, 103])
    chart.update_layout(margin={"t": 110, "b": 100})
    return chart, restore_reading(source)


def places(source: Source) -> dict[str, Mapping[str, Metric]]:
    """What was put back, from bottom to top, the BatchNorm statistics last; the head is the target's and never among them."""
    found = {
        name: one for name, one in (source.get("restore") or {}).items() if name != HEAD and _value(one, "source") is not None
    }
    return {name: one for name, one in found.items() if name != STATISTICS} | (
        {STATISTICS: found[STATISTICS]} if STATISTICS in found else {}
    )


def restore_reading(source: Source) -> list[str]:
    """Which group brings most back and what that costs; what the statistics alone bring; hedged where noise explains it."""
    measured, after = places(source), source["after"]
    groups = {name: one for name, one in measured.items() if name != STATISTICS}
    sentences = []
    if groups:
        most = max(groups, key=lambda name: groups[name]["source"]["value"])
        if not _returns(groups[most]["source"], after):
            sentences.append("No single group brings back more than noise: what is forgotten does not sit in one place.")
        else:
            sentences.append(f"The old weights of {most} bring the most back: {_what(groups[most], after)}")
    if STATISTICS in measured:
        one = measured[STATISTICS]
        if _returns(one["source"], after):
            sentences.append(f"Its BatchNorm statistics alone, no weight touched: {_what(one, after)}")
        else:
            sentences.append(
                f"The old BatchNorm statistics alone bring nothing back that is more than noise: {interval(one['source'])} "
                f"against {percent(after['value'])}."
            )
    return sentences


def restore_table(source: Source) -> list[dict[str, Any]]:
    """Source and target after each was put back, with their intervals."""
    return [
        {"put back": TITLES.get(name, name)}
        | {f"{key} {what}": (one.get(key) or {}).get(what) for key in ("source", "target") for what in ("value", "low", "high")}
        for name, one in places(source).items()
    ]


def _what(one: Mapping[str, Metric], after: Metric) -> str:
    text = f"the source goes from {percent(after['value'])} to {interval(one['source'])}"
    return f"{text}, and the target then has {interval(one['target'])}." if _value(one, "target") is not None else f"{text}."


def _returns(value: Metric, after: Metric) -> bool:
    """Whether it is above the fine-tuned network's own by more than both intervals explain."""
    low = value["value"] if value.get("low") is None else value["low"]
    return low > after["value"] and value["value"] > (after["value"] if after.get("high") is None else after["high"])


def _value(one: Mapping[str, Metric], key: str) -> float | None:
    return (one.get(key) or {}).get("value")


def _slabs(chart: go.Figure, names: Sequence[str], spots: Sequence[float], plan: Plan | None) -> None:
    """The groups as the stack's slabs; what is no group stands apart from them."""
    looks = [_look(name, plan) for name in names]
    height = chart.layout.height - 210
    ends = (-19 / height, -4 / height)
    groups = [name for name in names if name != STATISTICS]
    slab_axis(chart, groups, [look for name, look in zip(names, looks, strict=True) if name != STATISTICS], ends=ends)
    if STATISTICS in names:
        fill, edge = looks[-1]
        x = spots[-1]
        box = {"x0": x - 0.46, "x1": x + 0.46, "y0": ends[0], "y1": ends[1], "xref": "x", "yref": "paper"}
        chart.add_shape(type="rect", fillcolor=fill, line={"color": edge, "width": 1, "dash": "dot"}, **box)
    labels = [
        escaped(TITLES.get(name, name)).replace(" and ", " and<br>").replace("BatchNorm ", "BatchNorm<br>") for name in names
    ]
    chart.update_xaxes(tickvals=list(spots), ticktext=labels, range=[-0.6, spots[-1] + 0.6], automargin=True)


def _look(name: str, plan: Plan | None) -> tuple[str, str]:
    if plan is None:
        return slab(None, 1), ICE
    if name == STATISTICS:
        return "rgba(0,0,0,0)", TRAIN
    peak = max(rate for phase in plan.phases for rate in phase.rates.values() if rate is not None)
    rates = [rate for phase in plan.phases if (rate := phase.rates.get(name)) is not None]
    return (slab(max(rates), peak), WARM) if rates else (slab(None, 1), ICE)


def _bars(values: Sequence[Metric]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if one.get("high") is None else 100 * (one["high"] - one["value"]) for one in values],
        "arrayminus": [0.0 if one.get("low") is None else 100 * (one["value"] - one["low"]) for one in values],
        "thickness": 1.5,
        "width": 4,
    }
