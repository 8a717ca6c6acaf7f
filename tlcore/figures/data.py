"""A dataset in pictures: how many images of each class are in each split, and the sentence that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tlcore.figures.palette import TEST, TRAIN, VALIDATION
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, percent, times

COLOURS = {"train": TRAIN, "val": VALIDATION, "test": TEST}
TITLES = {"train": "training", "val": "validation", "test": "test"}
EVEN = 1.5  # classes whose sizes differ by no more than this are called even


def class_balance(classes: Sequence[str], counts: Mapping[str, Sequence[int]]) -> tuple[go.Figure, str]:
    """Images by class, stacked by split, with their reading. `counts` gives for each split a number per class."""
    chart = figure(x="Images", y="")
    # Plotly reads markup in labels: positions carry the bars, and the names are written beside them, escaped.
    positions = list(range(len(classes)))
    for split, numbers in counts.items():
        chart.add_bar(
            x=list(numbers),
            y=positions,
            orientation="h",
            name=TITLES.get(split, split),
            marker_color=COLOURS.get(split, TRAIN),
            hovertemplate=f"{TITLES.get(split, split)}: %{{x:,}} images<extra></extra>",
        )
    chart.update_layout(barmode="stack", bargap=0.35, height=110 + 30 * max(3, len(classes)))
    names = [escaped(name if len(name) <= 28 else name[:27] + "…") for name in classes]
    chart.update_yaxes(tickvals=positions, ticktext=names, autorange="reversed", showgrid=False)
    return chart, balance_reading(classes, counts)


def balance_reading(classes: Sequence[str], counts: Mapping[str, Sequence[int]]) -> str:
    """How uneven the classes are, and what that does to accuracy."""
    totals = [sum(numbers[i] for numbers in counts.values()) for i in range(len(classes))]
    everything = sum(totals)
    if not everything:
        return "There are no images."
    if len(classes) == 1:
        return f"There is one class, {classes[0]}, with {times(everything, 'image')}."
    large, small = max(range(len(totals)), key=totals.__getitem__), min(range(len(totals)), key=totals.__getitem__)
    share = totals[large] / everything
    if totals[large] <= EVEN * totals[small]:
        return (
            f"The classes are about even: from {count(totals[small])} ({classes[small]}) to {times(totals[large], 'image')} "
            f"({classes[large]}). Always naming {classes[large]} would be right for {percent(share)} of them."
        )
    ratio = f"{totals[large] / totals[small]:.1f} times as many as" if totals[small] else "against none of"
    return (
        f"The classes are uneven: {classes[large]} has {times(totals[large], 'image')}, {ratio} {classes[small]} "
        f"({count(totals[small])}). Always naming {classes[large]} would be right for {percent(share)}: "
        "look at balanced accuracy, not at accuracy alone."
    )
