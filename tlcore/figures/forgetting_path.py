"""The straight line from the weights of the start to the fine-tuned ones, and the best point on it (WiSE-FT, Wortsman 2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.forgetting_words import Metric, Source, signed_span, within_noise
from tlcore.figures.palette import BASELINE, SOURCE, TEST, TRAIN
from tlcore.figures.style import figure
from tlcore.figures.words import count, percent, points
from tlcore.forgetting.best import best_point
from tlcore.training.intervals import wilson

Result = Mapping[str, Any]  # of a forgetting job: tlcore/README.md
FORMULA = "w(a) = (1 − a) w₀ + a w"
BATCHNORM = {
    "interpolated": (
        "interpolated",
        "The running means and variances lie on the same straight line as the weights. Cheap, and wrong in between: they are "
        "no network's own.",
    ),
    "recomputed": (
        "recomputed",
        "At each point they are measured anew on training images of the target, as the network there sees them.",
    ),
}


KEPT_STILL = (
    "BatchNorm kept still in this run, so its statistics are the start's all along the way. Measured anew they would go with "
    "none of these weights: that path is not offered."
)


def modes(result: Result, source: str) -> list[str]:
    """How BatchNorm's statistics were come by, as far as both curves have it and it means something."""
    target, own = result["target"].get("path") or {}, result["sources"][source].get("path") or {}
    return [mode for mode in own if target.get(mode) and not (mode == "recomputed" and kept_still(result, source))]


def kept_still(result: Result, source: str) -> bool:
    """Whether the run's BatchNorm kept the statistics that it started with: a result says why there are none to put back."""
    why = result["sources"][source].get("why") or {}
    return "batchnorm" in why and "kept still" in why["batchnorm"]


def path(result: Result, name: str, mode: str, place: int, floor: float | None = None) -> tuple[go.Figure, str]:
    """Source and target along the path, the chosen point marked, the floor and chance drawn; and its reading."""
    source, steps = result["sources"][name], result["points"]
    agrees = source["measure"] == "agreement"
    chart = figure(x="a (0: the start, 1: the run)", y="Share of images (%)" if agrees else "Accuracy (%)", height=400)
    own, other = ("source (agreement)", "target (accuracy)") if agrees else ("source", "target")
    for values, colour, symbol, title in (
        (source["path"][mode], SOURCE, "circle", own),
        (result["target"]["path"][mode], TEST, "square", other),
    ):
        chart.add_scatter(
            x=list(steps),
            y=[None if share is None else 100 * share for share in values],
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker={"symbol": symbol, "size": [15 if at == place else 8 for at in range(len(steps))]},
            name=title,
            hovertemplate="a = %{x:.2f}: %{y:.1f} %<extra>" + title + "</extra>",
        )
    chart.add_vline(steps[place], line={"color": TRAIN, "width": 1.5, "dash": "dot"})
    if floor is not None:
        _level(chart, floor, SOURCE, "dot", f"floor of the source, {percent(floor)}")
    if source["measure"] == "accuracy" and source.get("chance") is not None:
        _level(chart, source["chance"], BASELINE, "dash", f"source, by chance {percent(source['chance'])}")
    chart.update_xaxes(range=[-0.03, 1.03])
    chart.update_yaxes(range=[0, 103])
    return chart, path_reading(result, name, mode, place)


def path_reading(result: Result, name: str, mode: str, place: int) -> str:
    """What the point has of both, held against the fine-tuned weights on the same images."""
    source, target = result["sources"][name]["path"][mode], result["target"]["path"][mode]
    here, end = ([values[at] for values in (source, target)] for at in (place, -1))
    if any(value is None for value in (*here, *end)):
        return "This point could not be measured."
    text = f"At a = {result['points'][place]:.2f}: source {percent(here[0])}, target {percent(here[1])}"
    if place == len(result["points"]) - 1:
        return f"{text}. These are the fine-tuned weights."
    back, less = _back(result, name, mode, place), _paid(result, mode, place)
    if back is not None and less is not None:
        return f"{text}. Against the fine-tuned weights the source {_moved(back)}, and the target {_moved(_turned(less))}."
    # an older measurement, which paired no point with the run
    back, less = ({"value": first - last} for first, last in zip(here, end, strict=True))
    text += f". Against the fine-tuned weights the source {_moved(back)}, and the target {_moved(less)}."
    if place == 0 and result["sources"][name]["measure"] == "agreement":  # it is what is agreed with
        return text
    return f"{text} {_noise(result['sources'][name], here[0])}"


def best_reading(result: Result, name: str, mode: str, place: int, floor: float) -> str:
    """Which point is best and for which source and floor, how sure its target is, and that it was chosen on these images."""
    source, target = result["sources"][name], result["target"]
    known, done, before = source["path"][mode][place], target["path"][mode][place], source["before"]["value"]
    images, units = target["images"], target.get("units") or target["images"]
    low, high = wilson(done, units)
    of = f"{count(images)} images" if units == images else f"{count(images)} images of {count(units)} patients"
    under = f" ({points(before - floor)} under what it knew before, {percent(before)})" if floor < before else ""
    return (
        f"{source['title']}: the best point that keeps {percent(floor)} of it{under} is a = {result['points'][place]:.2f}: "
        f"source {percent(known)}, target {percent(done)} ± {points((high - low) / 2)} ({of}). It "
        "was chosen on these very images of the test split, so it flatters itself: expect a little less on new ones."
    )


def bend_reading(result: Result, name: str, mode: str) -> str:
    """Whether somewhere on the way both are at least as good as at the end: then fine-tuning gave more away than it had to."""
    source, target = result["sources"][name]["path"][mode], result["target"]["path"][mode]
    end = target[-1]
    place = None if end is None else best_point(target[:-1], source[:-1], end)
    if place is None:
        return "No point before the end keeps the target where it is: here what is kept of the source is paid for."
    back = (source[place] or 0) - (source[-1] or 0)
    if back <= 0:
        return "Points before the end keep the target, but none of them knows more of the source."
    paired = _back(result, name, mode, place)
    span = f" ({signed_span(paired)})" if paired and signed_span(paired) else ""
    text = (
        f"At a = {result['points'][place]:.2f} the target is as good as at the end, or better, and the source has "
        f"{points(back)} more{span}"
    )
    noise = within_noise(paired) if paired else back <= _reach(result["sources"][name], source[place] or 0)
    return f"{text}, within noise." if noise else f"{text}: that much was lost for nothing."


def path_table(result: Result, name: str) -> list[dict[str, Any]]:
    """Both curves of every way with BatchNorm, and what each point has against the run, with its interval."""
    rows = []
    for mode in modes(result, name):
        for at, step in enumerate(result["points"]):
            row = {
                "a": step,
                "batchnorm": mode,
                "source": result["sources"][name]["path"][mode][at],
                "target": result["target"]["path"][mode][at],
            }
            for title, one in (("source returned", _back(result, name, mode, at)), ("target paid", _paid(result, mode, at))):
                row |= {} if one is None else {f"{title} {what}": one.get(what) for what in ("value", "low", "high")}
            rows.append(row)
    return rows


def _back(result: Result, name: str, mode: str, place: int) -> Metric | None:
    """How much more of the source a point knows than the run; None where the measurement paired no point with it."""
    return _of((result["sources"][name].get("path_back") or {}).get(mode), place)


def _paid(result: Result, mode: str, place: int) -> Metric | None:
    """How much less of the target a point names rightly than the run; None as above."""
    return _of((result["target"].get("path_paid") or {}).get(mode), place)


def _of(along: Sequence[Metric] | None, place: int) -> Metric | None:
    return along[place] if along else None


def _turned(one: Metric) -> Metric:
    """The same difference the other way round."""
    low, high = one.get("low"), one.get("high")
    ends = {} if low is None or high is None else {"low": -high, "high": -low}
    return {"value": -one["value"], **ends}


def _noise(source: Source, value: float) -> str:
    half = points(_reach(source, value))
    return f"By itself each source value is good to about ±{half} ({count(source['images'])} images)."


def _reach(source: Source, value: float) -> float:
    """Half of the 95 % interval of a share of so many images (Wilson)."""
    low, high = wilson(value, source["images"])
    return (high - low) / 2


def _moved(apart: Metric) -> str:
    if abs(apart["value"]) < 0.0005:
        return "is the same"
    text = f"has {points(apart['value'])} {'more' if apart['value'] > 0 else 'less'}"
    span = signed_span(apart)
    return f"{text} ({span}{', within noise' if within_noise(apart) else ''})" if span else text


def _level(chart: go.Figure, level: float, colour: str, dash: str, name: str) -> None:
    chart.add_hline(100 * level, line={"color": colour, "dash": dash, "width": 1.5})
    chart.add_scatter(x=[None], y=[None], mode="lines", line={"color": colour, "dash": dash}, name=name)
