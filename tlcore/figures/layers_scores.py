"""The scores that promise the probe's answer without one, beside the probe; and whether they put the groups in its order."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go

from tlcore.figures.layer_seen import source_title
from tlcore.figures.layer_words import SCORES
from tlcore.figures.layers_axis import Depth, Result, add_line, depth_chart, looks
from tlcore.figures.palette import BASELINE
from tlcore.figures.words import METRICS, is_share, measured_interval, percent, times

RANKED = ("logme", "hscore")
EXACT = 8  # groups up to which all their orders are counted; of more, so many are drawn:
DRAWN = 40_000
RARE = 0.05  # of all orders: what agrees as well by chance no more often than that is more than chance
_DOMAINS = ((0.70, 1.0), (0.35, 0.63), (0.0, 0.28))


def scores_by_depth(result: Result) -> tuple[go.Figure, list[str]]:
    """The probe with its intervals, LogME, and the H-score with its value by chance, one above the other; and the reading."""
    depth, sources = Depth.of(result), looks(result)
    metric = result["rank"]["with"]
    scale = 100 if is_share(metric) else 1
    chart = depth_chart("", lines=len(sources) + 1, height=520)
    for look in sources:
        probed = []
        for entry in result["groups"]:
            one = (entry["probe"].get(look.source) or {}).get(metric) or {"value": None}
            ends = [None if one.get(end) is None else scale * one[end] for end in ("value", "low", "high")]
            probed.append((entry["name"], *ends, measured_interval(metric, one)))
        add_line(chart, depth, look, probed)
        for name, axis in zip(RANKED, ("y2", "y3"), strict=True):
            values = [(entry["name"], entry[name].get(look.source)) for entry in result["groups"]]
            points = [(place, value, None, None, f"{SCORES[name][0]} {_said(value)}") for place, value in values]
            add_line(chart, depth, look, points, yaxis=axis, legend=False)
        chance = [(entry["name"], entry.get("hscore_by_chance", {}).get(look.source)) for entry in result["groups"]]
        if any(value is not None for _, value in chance):
            chart.add_scatter(
                x=[depth.places[place] + look.beside for place, _ in chance],
                y=[value for _, value in chance],
                yaxis="y3",
                mode="lines",
                line={"color": look.colour, "dash": "dot", "width": 2},
                showlegend=False,
                customdata=[_said(value) for _, value in chance],
                hovertemplate="%{customdata} with shuffled labels<extra>" + look.title + "</extra>",
            )
    if any(entry.get("hscore_by_chance") for entry in result["groups"]):
        line = {"color": BASELINE, "dash": "dot", "width": 2}
        chart.add_scatter(x=[None], y=[None], mode="lines", line=line, name="dotted: the H-score of shuffled labels")
    titles = (METRICS[metric][0] + (" (%)" if scale == 100 else ""), *(SCORES[name][0] for name in RANKED))
    axes = {
        f"yaxis{'' if at == 0 else at + 1}": {"domain": list(domain), "title": {"text": title}, "zeroline": False}
        for at, (domain, title) in enumerate(zip(_DOMAINS, titles, strict=True))
    }
    chart.update_layout(**axes, xaxis={"anchor": "y3"})
    depth.draw(chart)
    return chart, scores_reading(result)


def scores_reading(result: Result) -> list[str]:
    """How well each score's order of the groups agrees with the probe's, and how often chance would agree as well."""
    rank = result["rank"]
    groups = rank["groups"]
    probe = f"the probe's ({METRICS[rank['with']][0]}, {source_title(rank['source'])})"
    sentences = []
    for name in RANKED:
        title, found = SCORES[name][0], rank[name]
        if found is None:
            why = "too few have a value, or all have the same"
            sentences.append(f"Whether {title} puts the groups in an order like {probe} cannot be said: {why}.")
            continue
        share = share_of_orders(groups, round(found, 6))
        chance = f"{percent(share, 0 if share >= 0.1 else 1)} of all orders agree as well"
        verdict = "more than chance" if share < RARE else "so it may be chance"
        way = "against" if found < 0 else "with"
        sentences.append(
            f"{title} goes {way} {probe}: rank correlation {found:+.2f} over {times(groups, 'group')}; {chance}, {verdict}."
        )
    return [*sentences, *_by_width(result)]


def scores_table(result: Result) -> list[dict[str, Any]]:
    """Every score, a row for each source and place; LEEP and NCE belong to the pretrained network as a whole."""
    metric = result["rank"]["with"]
    return [
        {
            "weights": look.source,
            "layer": entry["name"],
            f"probe {metric}": ((entry["probe"].get(look.source) or {}).get(metric) or {}).get("value"),
            "LogME": entry["logme"].get(look.source),
            "H-score": entry["hscore"].get(look.source),
            "H-score by chance": entry.get("hscore_by_chance", {}).get(look.source),
            "LEEP": entry["leep"] if look.source == "pretrained" else None,
            "NCE": entry["nce"] if look.source == "pretrained" else None,
        }
        for look in looks(result)
        for entry in result["groups"]
    ]


@lru_cache(maxsize=64)
def share_of_orders(groups: int, correlation: float) -> float:
    """Of all orders of so many groups, the share whose rank correlation with one of them is as high, or higher.

    Exact up to `EXACT` groups; of more, from `DRAWN` orders drawn with a fixed seed.
    """
    if groups <= EXACT:
        orders = np.array(list(itertools.permutations(range(groups))), dtype=float)
    else:
        rng = np.random.default_rng(0)
        orders = rng.permuted(np.tile(np.arange(groups, dtype=float), (DRAWN, 1)), axis=1)
    apart = np.square(orders - np.arange(groups)).sum(1)
    found = 1 - 6 * apart / (groups * (groups**2 - 1))
    return float((found >= correlation - 1e-6).mean())


def _by_width(result: Result) -> list[str]:
    source = result["rank"]["source"]
    chance = [(entry["name"], entry.get("hscore_by_chance", {}).get(source)) for entry in result["groups"]]
    known = [(name, value) for name, value in chance if value is not None]
    if not known:
        return []
    least, most = min(known, key=lambda one: one[1]), max(known, key=lambda one: one[1])
    return [f"With shuffled labels the H-score would still be {least[1]:.2f} at {least[0]} and {most[1]:.2f} at {most[0]}."]


def _said(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
