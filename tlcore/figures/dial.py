"""The dial: what training from each level up gives on a few images, over the stack as the x axis; and its reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.depth import stack_axis
from tlcore.figures.palette import BASELINE, VALIDATION
from tlcore.figures.style import figure
from tlcore.figures.words import count, duration, interval, percent, points, times
from tlcore.groups import HEAD
from tlcore.strategies import Plan

Level = Mapping[str, Any]  # group, level, accuracy {value, low, high}, auroc, loss, trainable_params, seconds


def dial_figure(levels: Sequence[Level], plan: Plan, majority_baseline: float | None) -> go.Figure:
    """Validation accuracy with its 95 % interval for each level asked so far, a ring around the one that `plan` unfreezes.

    The slabs below are those of `plan`.
    """
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
    own = level_of(plan)
    for level in (level for level in known if level["group"] == own):
        chart.add_scatter(
            x=[places[own]],
            y=[100 * level["accuracy"]["value"]],
            mode="markers",
            marker={"color": VALIDATION, "size": 22, "symbol": "circle-open", "line": {"width": 3}},
            name="the choice above",
            hoverinfo="skip",
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


def level_of(plan: Plan) -> str | None:
    """The group from which up `plan` trains, in one of its phases or another; None where a group above it stays frozen."""
    moves = [any(phase.trains(group.name) for phase in plan.phases) for group in plan.groups]
    lowest = moves.index(True)
    return plan.groups[lowest].name if all(moves[lowest:]) else None


def choice_reading(result: Mapping[str, Any], plan: Plan) -> str:
    """What the level that `plan` unfreezes got, and how that compares with the best level; empty where it was not asked."""
    own = level_of(plan)
    if own is None:
        return "The choice above leaves groups frozen over some that it unfreezes, as no level here does: none speaks for it."
    chosen = next((level for level in result["levels"] if level["group"] == own), None)
    if chosen is None:
        return ""
    best = best_level(result["levels"])
    got = f"The choice above, {_from(chosen)}, gets {interval(chosen['accuracy'])}"
    if best is chosen:
        return f"{got}: no level asked here gets more."
    less = best["accuracy"]["value"] - chosen["accuracy"]["value"]
    if less == 0:
        return f"{got}, as much as {_from(best)}, which trains less."
    found = f"{got}, {points(less)} less than the best, {_from(best)}"
    if best["accuracy"]["low"] > chosen["accuracy"]["high"]:
        return f"{found}. Their intervals do not overlap."
    if _told_apart(best, chosen):
        return f"{found}. The intervals overlap, though neither accuracy lies in the other's: a hint, not a proof."
    return f"{found}. The intervals overlap, so these images cannot tell the two apart."


def _from(level: Level) -> str:
    return "training the head alone" if level["group"] == HEAD else f"training from {level['group']} up"


def _told_apart(better: Level, worse: Level) -> bool:
    """Whether each of two accuracies lies outside the other's interval; where not, the intervals overlap."""
    return better["accuracy"]["low"] > worse["accuracy"]["value"] and better["accuracy"]["value"] > worse["accuracy"]["high"]


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
    if _told_apart(best, head):
        return f"{few}: {found}. Each lies outside the other's interval: unfreezing that far is worth a full run."
    return f"{few}: {found}. The intervals overlap, so these images cannot tell the levels apart."
