"""A dataset in pictures: how many images of each class are in each split, and the sentence that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tlcore.figures.palette import TEST, TRAIN, VALIDATION
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, percent, times

COLOURS = {"train": TRAIN, "val": VALIDATION, "test": TEST}
TITLES = {"train": "training", "val": "validation", "test": "test"}
LONGEST_NAME = 28  # characters of a class name beside its bar
EVEN = 1.5  # classes whose sizes differ by no more than this are called even


def class_balance(classes: Sequence[str], counts: Mapping[str, Mapping[str, int]]) -> tuple[go.Figure, str]:
    """Images by class, stacked by split, with their reading. `counts` is {split: {class: images}}."""
    chart = figure(x="Images", y="", height=130 + 34 * max(2, len(classes)))
    # Plotly reads markup in labels: positions carry the bars, and the names are written beside them, escaped.
    positions = list(range(len(classes)))
    for split, numbers in counts.items():
        chart.add_bar(
            x=[numbers.get(name, 0) for name in classes],
            y=positions,
            orientation="h",
            name=TITLES.get(split, escaped(split)),
            marker_color=COLOURS.get(split, TRAIN),
            hovertemplate=f"{TITLES.get(split, escaped(split))}: %{{x:,}} images<extra></extra>",
        )
    chart.update_layout(barmode="stack", bargap=0.3, legend_traceorder="normal")
    names = [escaped(name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…") for name in classes]
    chart.update_yaxes(tickvals=positions, ticktext=names, autorange="reversed", showgrid=False, automargin=True)
    return chart, balance_reading(classes, counts)


def balance_reading(classes: Sequence[str], counts: Mapping[str, Mapping[str, int]]) -> str:
    """How uneven the classes are, and what that does to accuracy."""
    totals = {name: sum(numbers.get(name, 0) for numbers in counts.values()) for name in classes}
    everything = sum(totals.values())
    if not everything:
        return "There are no images."
    if len(classes) == 1:
        return f"There is one class, {classes[0]}, with {times(everything, 'image')}."
    large, small = max(totals, key=totals.__getitem__), min(totals, key=totals.__getitem__)
    naming = f"Always naming {large} would be right for {percent(totals[large] / everything)} of them"
    if totals[large] <= EVEN * totals[small]:
        if totals[large] == totals[small]:
            each = times(totals[large], "image")
            return f"The classes are even: {each} each, so always naming one is right for {percent(1 / len(classes))}."
        sizes = f"{large} has {times(totals[large], 'image')}, {small} {count(totals[small])}"
        return f"The classes are about even: {sizes}. {naming}."
    ratio = f"{totals[large] / totals[small]:.1f} times as many as {small}" if totals[small] else f"and {small} none"
    return (
        f"The classes are uneven: {large} has {times(totals[large], 'image')}, {ratio} ({count(totals[small])}). "
        f"{naming}: look at balanced accuracy, not at accuracy alone."
    )
