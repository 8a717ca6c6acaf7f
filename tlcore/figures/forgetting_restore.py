"""Where it is forgotten: how much of the source comes back with each group's old weights, and what the target pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.depth import slab_axis
from tlcore.figures.error_bars import bars
from tlcore.figures.forgetting_words import Metric, Source, within_noise
from tlcore.figures.palette import ICE, SOURCE, TEST, TRAIN, WARM, slab
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import interval, points
from tlcore.groups import HEAD
from tlcore.strategies import Plan

STATISTICS = "batchnorm"  # in a result: no group, but the running means and variances of all BatchNorm layers
TITLES = {STATISTICS: "BatchNorm statistics"}
_BESIDE = 0.09  # what source and target are set apart by, so that their intervals can be told apart


def restore(source: Source, plan: Plan | None = None) -> tuple[go.Figure | None, list[str]]:
    """What each group's old weights alone return of the source and cost the target; the BatchNorm statistics on the right.

    `plan` is the run's: it says which slabs were thawed. No figure where nothing was put back.
    """
    measured = places(source)
    if not measured:
        return None, [(source.get("why") or {}).get("restore") or "Nothing was put back in this measurement."]
    chart = figure(x="Put back, all else as fine-tuned", y="Change (points)", height=460)
    names = list(measured)
    spots = [at + (0.35 if name == STATISTICS else 0.0) for at, name in enumerate(names)]
    own = "source" if source["measure"] == "accuracy" else "source (agreement)"
    for key, sign, colour, symbol, title, beside in (
        ("returned", 1, SOURCE, "circle", own, -_BESIDE),
        ("paid", -1, TEST, "square", "target", _BESIDE),
    ):
        known = [(x, measured[name][key], name) for x, name in zip(spots, names, strict=True) if measured[name].get(key)]
        chart.add_scatter(
            x=[x + beside for x, *_ in known],
            y=[100 * sign * one["value"] for _, one, _ in known],
            error_y=bars([one for _, one, _ in known], turned=sign < 0),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            name=title,
            customdata=[_hover(measured[name]) for *_, name in known],
            hovertemplate="%{customdata}<extra>" + title + "</extra>",
        )
    gone = source["lost"]["value"]
    chart.add_hline(0, line={"color": TRAIN, "width": 1.5})
    if gone > 0:
        chart.add_hline(100 * gone, line={"color": SOURCE, "dash": "dash", "width": 1.5})
        name = f"all that the source lost, {points(gone)}"
        chart.add_scatter(x=[None], y=[None], mode="lines", line={"color": SOURCE, "dash": "dash"}, name=name)
    _slabs(chart, names, spots, plan)
    return chart, restore_reading(source)


def places(source: Source) -> dict[str, Mapping[str, Metric]]:
    """What was put back, from bottom to top, the BatchNorm statistics last; the head is the target's and never among them."""
    restored = source.get("restore") or {}
    names = [name for name in restored if name not in (HEAD, STATISTICS)] + [STATISTICS] * (STATISTICS in restored)
    return {name: restored[name] for name in names if (restored[name].get("returned") or {}).get("value") is not None}


def restore_reading(source: Source) -> list[str]:
    """Which group brings most back and what that costs; what the statistics alone bring; hedged where noise explains it."""
    measured = places(source)
    groups = {name: one for name, one in measured.items() if name != STATISTICS}
    sentences = []
    if groups:
        most = max(groups, key=lambda name: groups[name]["returned"]["value"])
        if _returns(groups[most]):
            sentences.append(f"The old weights of {most} bring the most back: {_what(groups[most], source)}")
        elif within_noise(source["lost"]):
            sentences.append(
                "What was lost is itself within noise, so there is nothing that a group could be seen to bring back."
            )
        else:
            sentences.append("No single group brings back more than noise: what is forgotten does not sit in one place.")
    if STATISTICS in measured:
        one = measured[STATISTICS]
        if _returns(one):
            sentences.append(f"The old BatchNorm statistics alone, no weight touched: {_what(one, source)}")
        else:
            span = _points(one["returned"])
            sentences.append(f"The old BatchNorm statistics alone bring nothing back that is more than noise: {span}.")
    elif why := (source.get("why") or {}).get(STATISTICS):
        sentences.append(why)
    return sentences


def restore_table(source: Source) -> list[dict[str, Any]]:
    """Source and target after each was put back, and how far each then is from the fine-tuned network, with intervals."""
    return [
        {"put back": TITLES.get(name, name)}
        | {
            f"{key} {what}": (one.get(key) or {}).get(what)
            for key in ("source", "returned", "target", "paid")
            for what in ("value", "low", "high")
        }
        for name, one in places(source).items()
    ]


def _what(one: Mapping[str, Metric], source: Source) -> str:
    gone = source["lost"]["value"]
    of = f" of the {points(gone)} lost" if gone > 0 else ""
    text = f"{_points(one['returned'])}{of}"
    paid = one.get("paid")
    if not paid:
        return f"{text}."
    if within_noise(paid):
        return f"{text}, and the target pays nothing that is more than noise: {_points(paid)}."
    return f"{text}, and the target {'pays' if paid['value'] > 0 else 'gains'} {_points(paid)}."


def _points(metric: Metric) -> str:
    """'12.0 points (8.1 to 15.9)'."""
    text = f"{'−' if round(metric['value'], 4) < 0 else ''}{points(metric['value'])}"
    if metric.get("low") is None:
        return text
    low, high = (f"{'−' if round(end, 3) < 0 else ''}{abs(100 * end):.1f}" for end in (metric["low"], metric["high"]))
    return f"{text} ({low} to {high})"


def _returns(one: Mapping[str, Metric]) -> bool:
    return one["returned"]["value"] > 0 and not within_noise(one["returned"])


def _hover(one: Mapping[str, Metric]) -> str:
    parts = [f"source {interval(one['source'])}, returned {_points(one['returned'])}"]
    if one.get("target") and one.get("paid"):
        parts.append(f"target {interval(one['target'])}, paid {_points(one['paid'])}")
    return "<br>".join(map(escaped, parts))


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
