"""What is known of the source after each epoch, beside what is known of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.forgetting_words import Source, by_loss, within_noise
from tlcore.figures.palette import BASELINE, SOURCE, VALIDATION
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import percent, points
from tlcore.training.intervals import wilson

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def source_curve(
    sources: Mapping[str, Source], epochs: Sequence[Mapping[str, Any]], about: str | None = None
) -> tuple[go.Figure | None, str]:
    """Each source from before the first step to the last epoch, and the accuracy on the target's validation split.

    `epochs` are a run's `epoch` events; the reading is that of the source `about`, else of the one that lost most.
    No figure where no source was looked at between the epochs.
    """
    known = {name: one for name, one in sources.items() if one.get("by_epoch") and one.get("before")}
    if not known:
        return None, "This run carried no source probes, so nothing is known of the epochs between its start and its end."
    chosen = about if about in known else by_loss(known)[0]
    chart = figure(x="After epoch (0: before training)", y="Share of images (%)", height=400)
    for (_, one), dash in zip(known.items(), _DASHES * len(known), strict=False):
        values = line_of(one)
        chart.add_scatter(
            x=list(range(len(values))),
            y=[None if value is None else 100 * value for value in values],
            mode="lines+markers",
            line={"color": SOURCE, "width": 2.5, "dash": dash},
            marker={"size": 8},
            name=escaped(f"source: {one['title']}"),
            hovertemplate="epoch %{x}: %{y:.1f} %<extra></extra>",
        )
    validated = [(event["epoch"] + 1, event["val"].get("accuracy")) for event in epochs]
    chart.add_scatter(
        x=[x for x, _ in validated],
        y=[None if y is None else 100 * y for _, y in validated],
        mode="lines+markers",
        line={"color": VALIDATION, "width": 2.5},
        marker={"size": 8, "symbol": "square"},
        name="target, validation split",
        hovertemplate="epoch %{x}: %{y:.1f} %<extra></extra>",
    )
    labelled = [one for one in (known[chosen], *known.values()) if one["measure"] == "accuracy"]
    chance = labelled[0].get("chance") if labelled else None
    if chance is not None:
        chart.add_hline(100 * chance, line={"dash": "dash", "color": BASELINE, "width": 1.5})
        chart.add_scatter(
            x=[None],
            y=[None],
            mode="lines",
            line={"dash": "dash", "color": BASELINE},
            name=f"source, by chance {percent(chance)}",
        )
    chart.update_xaxes(dtick=1 if len(epochs) <= 12 else None, range=[-0.2, max(1, len(epochs)) + 0.2])
    chart.update_yaxes(range=[0, 103])
    chart.update_layout(legend={"orientation": "v"}, margin={"t": 34 + 24 * (len(known) + 1 + (chance is not None))})
    reading = curve_reading(known[chosen])
    if (kept := _kept(epochs)) is not None and kept < len(epochs):
        chart.add_vline(kept, line={"color": BASELINE, "width": 1.5, "dash": "dot"})
        share = line_of(known[chosen])[kept] if kept < len(line_of(known[chosen])) else None
        of = "" if share is None else f", which know {percent(share)}"
        reading += f" The run kept the weights of epoch {kept} (dotted){of}: the loss above is theirs."
    if about not in (None, chosen) and about in sources:
        reading = f"{sources[about]['title']} was not asked between the epochs. {reading}"
    return chart, reading


def _kept(epochs: Sequence[Mapping[str, Any]]) -> int | None:
    """The epoch (from 1) whose weights the run kept; None where nobody says."""
    return max((event["epoch"] + 1 for event in epochs if event.get("best")), default=None)


def line_of(source: Source) -> list[float | None]:
    """Before training, then after each epoch."""
    return [source["before"]["value"], *source["by_epoch"]]


def curve_reading(source: Source) -> str:
    """From where to where, whether that is more than noise, how much of it in the first epoch, and whether some came back."""
    values = [value for value in line_of(source) if value is not None]
    if len(values) < 2:
        return f"{source['title']}: no epoch has ended."
    text = f"{source['title']}: from {percent(values[0])} before training to {percent(values[-1])} after the last epoch"
    lowest = min(values[1:])
    if lowest >= values[0]:
        return f"{text}, and never below the start."
    if (gone := source.get("lost")) and gone.get("value") is not None and within_noise(gone):
        return f"{text}; at the weights kept the difference is within noise."
    fell, back, reach = values[0] - values[1], values[-1] - lowest, _reach(source, lowest)
    if len(values) > 2:
        noise = ", within noise" if fell <= _reach(source, values[1]) else ""
        text += f"; the first epoch alone took {points(fell)}{noise}" if fell > 0 else "; the first epoch took nothing"
    return f"{text}, and {points(back)} came back after the lowest." if back > reach else f"{text}."


def _reach(source: Source, value: float) -> float:
    """How far chance alone moves a share of so many images: half of its 95 % interval (Wilson)."""
    low, high = wilson(value, source["images"])
    return (high - low) / 2
