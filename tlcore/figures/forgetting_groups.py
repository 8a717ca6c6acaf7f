"""Bias carried over: how well each group of images is done, before and after, and how far the groups are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.error_bars import bars
from tlcore.figures.forgetting_words import Metric, signed_points, signed_span, within_noise
from tlcore.figures.palette import TEST, TRAIN
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, interval, points

Column = Mapping[str, Any]  # of `tlcore/forgetting/groups.py`: groups, unknown, before, after, gap, gaps, notes
SHARES = {
    "accuracy": "of the group's images, those named rightly",
    "recall": "of the group's images of a class, those that are found",
    "answered": "of the group's images, those that are given this answer",
}
_ROW = 44  # pixels
_BESIDE = 0.14


def shares(column: Column) -> list[str]:
    """The shares whose gap is known: 'accuracy', 'recall: pneumonia', ..."""
    return [name for name, gap in column["gaps"].items() if gap is not None]


def by_group(column: Column, share: str = "accuracy") -> tuple[go.Figure | None, list[str]]:
    """A share of every group with its interval, by a linear probe on the start's features and by the run. And its readings."""
    names = column["groups"]
    after = [_share(column["after"], name, share) for name in names]
    if not any(one is not None for one in after):
        return None, ["No group has images of that kind."]
    chart = figure(x=f"{share[0].upper()}{share[1:]} (%)", y="", height=150 + _ROW * len(names))
    looks = (
        (column["before"], TRAIN, "circle-open", "before: a linear probe", -_BESIDE),
        (column["after"], TEST, "square", "after: the run", _BESIDE),
    )
    for told, colour, symbol, title, beside in looks:
        known = [(row, name, one) for row, name in enumerate(names) if told and (one := _share(told, name, share)) is not None]
        if not known:
            continue
        chart.add_scatter(
            x=[100 * one["value"] for *_, one in known],
            y=[row + beside for row, *_ in known],
            error_x=bars([one for *_, one in known]),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
            name=title,
            customdata=[f"{escaped(name)}: {interval(one)}, {count(told[name]['images'])} images" for _, name, one in known],
            hovertemplate="%{customdata}<extra>" + title + "</extra>",
        )
    labels = [f"{escaped(name)} ({count(column['after'][name]['images'])})" for name in names]
    chart.update_yaxes(tickvals=list(range(len(names))), ticktext=labels, autorange="reversed", automargin=True, zeroline=False)
    chart.update_layout(margin={"t": 70, "l": 10})
    return chart, group_reading(column, share)


def group_reading(column: Column, share: str = "accuracy") -> list[str]:
    """How far the groups are apart, whether that is more than noise, and whether the training changed it."""
    gap = column["gaps"].get(share)
    if gap is None:
        return ["Fewer than two groups have enough images of that kind to be compared."]
    now, before, change = gap["after"], gap["before"], gap["change"]
    pair = f"{gap['highest']} and {gap['lowest']}"
    if within_noise(now):
        text = f"{pair} are {_apart(now)} apart after training, within noise: no gap is shown."
    else:
        text = f"{gap['highest']} is done better than {gap['lowest']} by {_apart(now)}, more than noise."
    sentences = [text]
    if before["value"] is None:
        return [*sentences, before.get("reason") or ""]
    was = f"By a linear probe on what it started from it was {signed_points(before['value'])}"
    span = signed_span(before)
    was += f" ({span})" if span else ""
    if within_noise(change):
        sentences.append(f"{was}; what the training changed about it is within noise ({_signed(change)}).")
    else:
        grew = "grew" if abs(now["value"]) > abs(before["value"]) else "shrank"
        sentences.append(f"{was}; with the training it {grew} ({_signed(change)}), more than noise.")
    return sentences


def group_table(column: Column) -> list[dict[str, Any]]:
    """Each share of each group, before and after, with its interval."""
    rows = []
    for when in ("before", "after"):
        for name in column["groups"] if column[when] else ():
            told = column[when][name]
            each = {"accuracy": told["accuracy"]}
            each |= {f"{kind}: {title}": one for kind in ("recall", "answered") for title, one in told.get(kind, {}).items()}
            rows += [
                {"when": when, "group": name, "images": told["images"], "share": share}
                | {what: one.get(what) for what in ("value", "low", "high")}
                for share, one in each.items()
            ]
    return rows


def _share(told: Mapping[str, Any], name: str, share: str) -> Metric | None:
    kind, _, title = share.partition(": ")
    one = told[name][kind] if not title else told[name].get(kind, {}).get(title)
    return one if one and one.get("value") is not None else None


def _apart(metric: Metric) -> str:
    span = signed_span(metric)
    return f"{points(metric['value'])}{f' ({span})' if span else ''}"


def _signed(metric: Metric) -> str:
    span = signed_span(metric)
    return f"{signed_points(metric['value'])}{f', {span}' if span else ''}"
