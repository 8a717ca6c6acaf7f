"""The dial: what training from each level up gives on a few images, over the stack as the x axis; and its reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.depth import stack_axis
from tlcore.figures.palette import BASELINE, VALIDATION
from tlcore.figures.style import figure
from tlcore.figures.words import count, duration, interval, percent, times
from tlcore.groups import HEAD
from tlcore.strategies import Plan

Level = Mapping[str, Any]  # group, level, accuracy {value, low, high}, auroc, loss, trainable_params, seconds


def dial_figure(levels: Sequence[Level], plan: Plan, majority_baseline: float | None) -> go.Figure:
    """Validation accuracy with its 95 % interval for each level asked so far; the slabs below are those of `plan`."""
    chart = figure(x="Train from this group up", y="Validation accuracy (%)", height=360)
    places = {group.name: place for place, group in enumerate(plan.groups)}
    known = sorted((level for level in levels if level["group"] in places), key=lambda level: places[level["group"]])
    values = [100 * level["accuracy"]["value"] for level in known]
    chart.add_scatter(
        x=[places[level["group"]] for level in known],
        y=values,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * level["accuracy"]["high"] - value for level, value in zip(known, values, strict=True)],
            "arrayminus": [value - 100 * level["accuracy"]["low"] for level, value in zip(known, values, strict=True)],
            "thickness": 1.5,
            "width": 6,
        },
        mode="markers",
        marker={"color": VALIDATION, "size": 11},
        name="accuracy, 95 % interval",
        customdata=[[duration(level["seconds"]), count(level["trainable_params"])] for level in known],
        hovertemplate="%{y:.1f} %<br>%{customdata[1]} parameters train<br>asked in %{customdata[0]}<extra></extra>",
    )
    low = min((100 * level["accuracy"]["low"] for level in known), default=0.0)
    high = max((100 * level["accuracy"]["high"] for level in known), default=100.0)
    pad = max(1.0, 0.15 * (high - low))  # close to the answers: what differs between levels is what is asked
    chart.update_yaxes(range=[max(-1.0, low - pad), min(101.0, high + pad)])
    if majority_baseline is not None and 100 * majority_baseline >= low - pad:
        chart.add_scatter(
            x=[-0.5, len(plan.groups) - 0.5],
            y=[100 * majority_baseline] * 2,
            mode="lines",
            line={"color": BASELINE, "dash": "dash"},
            name=f"largest class alone, {percent(majority_baseline)}",
            hoverinfo="skip",
        )
    stack_axis(chart, plan)
    chart.update_layout(margin={"b": 90}, showlegend=True)
    return chart


def best_level(levels: Sequence[Level]) -> Level:
    """The level with the highest accuracy; of equals the one that trains least."""
    return max(levels, key=lambda level: (level["accuracy"]["value"], -level["trainable_params"]))


def dial_reading(result: Mapping[str, Any]) -> str:
    """What the levels say, against the head alone, and how much these few images can tell."""
    levels, images = result["levels"], result["images"]
    largest = result.get("majority_baseline")
    baseline = "" if largest is None else f" Always naming the largest class gets {percent(largest)}."
    return f"{_against_the_head(levels, images, result['epochs'])}{baseline}"


def _against_the_head(levels: Sequence[Level], images: Mapping[str, int], epochs: int) -> str:
    few = (
        f"From {count(images['train'])} training images and {times(epochs, 'epoch')} for each level, "
        f"judged on {count(images['val'])} validation images"
    )
    best = best_level(levels)
    head = next((level for level in levels if level["group"] == HEAD), None)
    if head is None or len(levels) < 2:
        return f"{few}."
    alone = f"the head alone gets {interval(head['accuracy'])}"
    if best is head:
        return f"{few}: {alone}, and unfreezing adds nothing that they show. More images or more epochs may."
    found = f"training from {best['group']} up gets {interval(best['accuracy'])}, {alone}"
    if best["accuracy"]["low"] > head["accuracy"]["value"] and best["accuracy"]["value"] > head["accuracy"]["high"]:
        return f"{few}: {found}. Each lies outside the other's interval: unfreezing that far is worth a full run."
    return f"{few}: {found}. The intervals overlap, so these images cannot tell the levels apart."
