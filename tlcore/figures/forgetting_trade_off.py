"""What every strategy gained on the target against what it lost of the source, the front marked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import plotly.graph_objects as go

from tlcore.compare.pareto import pareto_front
from tlcore.compare.statistics import difference, estimate, holm
from tlcore.figures.compare_names import Look
from tlcore.figures.compare_style import chart
from tlcore.figures.error_bars import bars
from tlcore.figures.forgetting_words import Metric, lost_briefly, signed_points, span
from tlcore.figures.palette import BASELINE, MARKERS, RUNS, TRAIN
from tlcore.figures.style import escaped
from tlcore.figures.words import interval, listing, percent, points, times

_NAMED = 6  # of the front
_NEAR = 0.2  # of the figure's width: names closer than this would run into one another
ALPHA = 0.05
MOST_PAID = 0.01  # of the target: what a remedy may cost and still be called cheap


@dataclass(frozen=True)
class Measured:
    """A finished run whose source was measured."""

    run_id: str
    form: str  # its strategy, with what was changed
    family: str  # the preset that it is a form of: runs of one family share a colour
    seed: int
    accuracy: Metric  # on the target's test split
    lost: Metric  # of the source
    control: bool = False  # it starts from random weights, and has nothing to lose
    besides: str = ""  # what else is not alike in all runs of the picture: its length, its rate

    @property
    def title(self) -> str:
        return f"{self.form}, {self.besides}" if self.besides else self.form


@dataclass(frozen=True)
class Spot:
    """One strategy: the mean over its seeds, with intervals over seeds, or over images where there is one seed."""

    title: str
    family: str
    accuracy: Metric
    lost: Metric
    runs: tuple[Measured, ...]

    @property
    def seeds(self) -> str:
        return times(len({run.seed for run in self.runs}), "seed")


def spots(runs: Sequence[Measured]) -> list[Spot]:
    """One for each strategy, in the order in which they first appear; of runs that did the same twice the last counts."""
    by_title: dict[str, dict[int, Measured]] = {}
    for run in runs:
        by_title.setdefault(run.title, {})[run.seed] = run
    return [
        Spot(title, own[0].family, _mean([run.accuracy for run in own]), _mean([run.lost for run in own]), tuple(own))
        for title, by_seed in by_title.items()
        for own in [list(by_seed.values())]
    ]


def trade_off(runs: Sequence[Measured], here: str | None = None) -> tuple[go.Figure | None, list[str]]:
    """Target accuracy over what was lost; strengths of one setting are joined, `here` (a run's id) is named. And its "
    "readings."""
    found = spots(runs)
    if not found:
        return None, ["No finished run has a source measurement yet."]
    families = list(dict.fromkeys(spot.family for spot in found))
    looks = looks_of(families)
    figure = chart("Lost of the source (points)", "Test accuracy of the target (%)", families, height=420)
    front = front_of(found)
    figure.add_scatter(
        x=[100 * found[place].lost["value"] for place in front],
        y=[100 * found[place].accuracy["value"] for place in front],
        mode="lines",
        line={"color": TRAIN, "width": 1.5, "shape": "hv"},
        name="the front",
        hoverinfo="skip",
    )
    for family in families:
        own = sorted((spot for spot in found if spot.family == family), key=lambda spot: spot.lost["value"])
        _family(figure, own, looks[family], [found[place] for place in front])
    figure.add_vline(0, line={"color": BASELINE, "width": 1.5, "dash": "dash"})
    _name(figure, found, [found[place] for place in front], here)
    return figure, [trade_off_reading(found), *remedy_readings(found)]


def front_of(found: Sequence[Spot]) -> list[int]:
    """Those that no other beats on both, the one that loses least first."""
    return pareto_front([(spot.lost["value"], spot.accuracy["value"]) for spot in found])


def trade_off_reading(found: Sequence[Spot]) -> str:
    """Who is on the front."""
    front = [found[place] for place in front_of(found)]
    each = [f"{spot.title} ({lost_briefly(spot.lost)}, {percent(spot.accuracy['value'])})" for spot in front[:_NAMED]]
    if len(found) == 1:
        return f"{each[0]} is all there is so far: another strategy beside it would show what could be kept."
    more = ", and more" if len(front) > _NAMED else ""
    if len(front) == 1:
        return f"{each[0]} is the whole front: nothing else loses less or gains more."
    return f"On the front, from what forgets least: {listing(each)}{more}. Up and to the left is better."


def remedy_readings(found: Sequence[Spot], base: str = "Full fine-tuning") -> list[str]:
    """What keeps more of the source than plain full fine-tuning, by more than noise, at little or no cost to the target.

    Each is judged by itself first, then all of them together, corrected for their number (Holm 1979).
    """
    plains = {spot.runs[0].besides: spot for spot in found if spot.runs[0].form == base}
    others = [spot for spot in found if spot.runs[0].form != base and not spot.runs[0].control]
    pairs = [(plains[spot.runs[0].besides], spot) for spot in others if spot.runs[0].besides in plains]
    if not pairs:
        return []
    kept = [apart(plain, spot, "lost") for plain, spot in pairs]
    together = holm([one["p"] for one in kept])
    better, untold = [], []
    for (plain, spot), one, p in zip(pairs, kept, together, strict=True):
        paid = apart(plain, spot, "accuracy")
        if one["low"] is None and one["value"] != 0:
            untold.append(spot.title)
        elif one["low"] is not None and one["low"] > 0 and paid["value"] < MOST_PAID:
            better.append((one, paid, spot, p is not None and p < ALPHA))
    unknown = [f"Of {listing(untold)} it cannot be told: there is no interval to judge by."] if untold else []
    if not better:
        if len(untold) == len(pairs):
            return unknown
        return [
            f"Against {base} nothing here keeps more of the source, by more than noise, for less than {points(MOST_PAID)} of "
            "the target.",
            *unknown,
        ]
    better.sort(key=lambda one: -one[0]["value"])
    each = [
        f"{spot.title} keeps {points(one['value'])} more ({100 * one['low']:.1f} to {100 * one['high']:.1f}) with the "
        f"target at {signed_points(-paid['value'])}"
        for one, paid, spot, _ in better[:4]
    ]
    rest = f" And {times(len(better) - 4, 'other')}." if len(better) > 4 else ""
    alone = " each by itself" if len(pairs) > 1 else ""
    return [f"Against {base}, more than noise{alone}: {'; '.join(each)}.{rest}", *_together(better, len(pairs)), *unknown]


def _together(better: Sequence[tuple[object, object, Spot, bool]], count: int) -> list[str]:
    """Which of them are more than noise still, where so many were held against the same runs."""
    if count < 2:
        return []
    sure = [spot.title for _, _, spot, still in better if still]
    of = f"corrected for {times(count, 'comparison')} (Holm)"
    if len(sure) == len(better):
        return [f"All of that stands {of}."]
    return [f"{of[0].upper()}{of[1:]}, {listing(sure) if sure else 'none of them'} {'stand' if len(sure) > 1 else 'stands'}."]


def apart(one: Spot, other: Spot, what: Literal["lost", "accuracy"]) -> dict[str, float | None]:
    """One strategy's number minus another's with its 95 % interval and the p of no difference: paired over the seeds that both
    have (Student's t); where these are fewer than two, or all differ alike, from both intervals (normal), as of independent
    images, which is wider than it need be; low, high and p are None where one has no interval."""
    first, second = getattr(one, what), getattr(other, what)
    value = first["value"] - second["value"]
    of, by = ({run.seed: getattr(run, what)["value"] for run in spot.runs} for spot in (one, other))
    shared = sorted(of.keys() & by.keys())
    if len(shared) > 1:
        paired = difference([of[seed] - by[seed] for seed in shared])
        if paired.low is not None:
            return {"value": paired.mean, "low": paired.low, "high": paired.high, "p": paired.p}
    widths = [_width(metric, what) for metric in (first, second)]
    if None in widths:
        return {"value": value, "low": None, "high": None, "p": None}
    half = math.hypot(*(width / 2 for width in widths))
    reach = NormalDist().inv_cdf(1 - ALPHA / 2)
    p = 2 * NormalDist().cdf(-abs(value) * reach / half) if half else float(value == 0)
    return {"value": value, "low": value - half, "high": value + half, "p": p}


def _width(metric: Metric, what: str) -> float | None:
    """Of its interval. What lost exactly nothing (no image is answered otherwise: a frozen backbone) varies with no draw."""
    if metric.get("low") is not None:
        return metric["high"] - metric["low"]
    return 0.0 if what == "lost" and metric["value"] == 0 else None


def trade_off_table(runs: Sequence[Measured]) -> list[dict[str, Any]]:
    """A row for each run."""
    return [
        {"run": run.run_id, "strategy": run.title, "seed": run.seed}
        | {f"target {what}": run.accuracy.get(what) for what in ("value", "low", "high")}
        | {f"lost {what}": run.lost.get(what) for what in ("value", "low", "high")}
        for run in runs
    ]


def looks_of(families: Sequence[str]) -> Mapping[str, Look]:
    """A colour and a marker for each family by its place, as the Compare page gives them: one that comes later changes none."""
    return {
        family: Look(RUNS[at % len(RUNS)], MARKERS[(at + at // len(RUNS)) % len(MARKERS)], "solid")
        for at, family in enumerate(families)
    }


def _family(figure: go.Figure, own: Sequence[Spot], look: Look, front: Sequence[Spot]) -> None:
    """The forms of a strategy, those on the front larger and full; strengths of one setting are joined."""
    for swept in _sweeps(own):
        figure.add_scatter(
            x=[100 * spot.lost["value"] for spot in swept],
            y=[100 * spot.accuracy["value"] for spot in swept],
            mode="lines",
            line={"color": look.colour, "width": 1, "dash": "dot"},
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=[100 * spot.lost["value"] for spot in own],
        y=[100 * spot.accuracy["value"] for spot in own],
        error_x=bars([spot.lost for spot in own]),
        error_y=bars([spot.accuracy for spot in own]),
        mode="markers",
        marker={
            "color": look.colour,
            "symbol": look.marker,
            "size": [13 if spot in front else 10 for spot in own],
            "opacity": [1.0 if spot in front else 0.6 for spot in own],
        },
        name=escaped(own[0].family),
        customdata=[_hover(spot) for spot in own],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _sweeps(own: Sequence[Spot]) -> list[list[Spot]]:
    """The forms that differ in one number alone, from what loses least; the plain form belongs to each such row."""
    rows: dict[str, list[Spot]] = {}
    for spot in own:
        changed = spot.title.split(", ")[1:]
        if len(changed) == 1 and (setting := re.sub(r"[\d.e+-]*\d", "", changed[0])) != changed[0]:
            rows.setdefault(setting, []).append(spot)
    plain = [spot for spot in own if spot.title == spot.family]
    joined = [sorted([*plain, *row], key=lambda spot: spot.lost["value"]) for row in rows.values()]
    return [row for row in joined if len(row) > 1]


def _hover(spot: Spot) -> str:
    reach = span(spot.lost, turned=spot.lost["value"] < 0)
    return (
        f"<b>{escaped(spot.title)}</b>, {spot.seeds}<br>target {escaped(interval(spot.accuracy))}<br>"
        f"{escaped(lost_briefly(spot.lost))}{escaped(f' ({reach})') if reach else ''}"
    )


def _name(figure: go.Figure, found: Sequence[Spot], front: Sequence[Spot], here: str | None) -> None:
    """Names above the front's markers, the one that loses least first, none where it would run into another; and `here`."""
    every = [100 * spot.lost["value"] for spot in found]
    near = _NEAR * max(max(every) - min(every), 10.0)
    last = -math.inf
    for spot in front[:_NAMED]:
        x = 100 * spot.lost["value"]
        if x - last >= near:
            last = x
            right = x > max(every) - near
            _note(figure, spot, spot.title, yshift=16, xanchor="right" if right else "left")
    for spot in found:
        if any(run.run_id == here for run in spot.runs):
            _note(figure, spot, "this run", yshift=-18, xanchor="center")


def _note(figure: go.Figure, spot: Spot, text: str, **place: object) -> None:
    where = {"x": 100 * spot.lost["value"], "y": 100 * spot.accuracy["value"]}
    figure.add_annotation(text=escaped(text), showarrow=False, font={"size": 12}, **where, **place)


def _mean(metrics: Sequence[Metric]) -> Metric:
    found = estimate([one["value"] for one in metrics])
    if found.low is not None:
        return {"value": found.mean, "low": found.low, "high": found.high}
    return {"value": found.mean, "low": metrics[0].get("low"), "high": metrics[0].get("high")}
