"""How far each layer group has moved, over the stack as the x axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tlcore.figures.palette import ICE, WARM, slab
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import listing, percent
from tlcore.groups import HEAD
from tlcore.strategies import Plan


def stack_axis(chart: go.Figure, plan: Plan) -> None:
    """Make the x axis the stack: the groups from the image to the head, each on its slab of ice or warm."""
    peak = max(rate for phase in plan.phases for rate in phase.rates.values() if rate is not None)
    looks = []
    for group in plan.groups:
        rates = [phase.rates[group.name] for phase in plan.phases if phase.rates[group.name] is not None]
        looks.append((slab(max(rates) if rates else None, peak), WARM if rates else ICE))
    slab_axis(chart, [group.name for group in plan.groups], looks)


def slab_axis(
    chart: go.Figure, names: Sequence[str], looks: Sequence[tuple[str, str]], *, ends: tuple[float, float] = (-0.075, -0.015)
) -> None:
    """Make the x axis slabs with these names from left to right, each of a fill and an edge colour.

    `ends` are their lower and upper edge in heights of the plot, 0 being its bottom.
    """
    for place, (fill, edge) in enumerate(looks):
        box = {"x0": place - 0.46, "x1": place + 0.46, "y0": ends[0], "y1": ends[1], "xref": "x", "yref": "paper"}
        chart.add_shape(type="rect", fillcolor=fill, line={"color": edge, "width": 1}, **box)
    chart.update_xaxes(
        tickvals=list(range(len(names))),
        ticktext=[escaped(name).replace(" and ", " and<br>") for name in names],
        range=[-0.6, len(names) - 0.4],
        ticklabelstandoff=22,
        showgrid=False,
        zeroline=False,
    )


def drift_by_group(plan: Plan, drift: Mapping[str, float]) -> tuple[go.Figure | None, str]:
    """How far each backbone group's weights moved, relative to their size at the start, on a logarithmic axis; its reading.

    The head has no bar: it is the task's own, most often new, so how far it went compares with nothing. No figure where nothing
    else moved.
    """
    if not any(drift.get(group.name) for group in plan.groups if group.name != HEAD):
        return None, drift_reading(plan, drift)
    names = [group.name for group in plan.groups]
    chart = figure(x="Layer group, from the image to the head", y="Change of the weights (%)", height=380)
    moved = [(place, name) for place, name in enumerate(names) if drift.get(name) and name != HEAD]
    chart.add_bar(
        x=[place for place, _ in moved],
        y=[100 * drift[name] for _, name in moved],
        marker={"color": WARM},
        width=0.8,
        text=[percent(drift[name], 2) for _, name in moved],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{text}<extra></extra>",
    )
    stack_axis(chart, plan)
    for place, name in enumerate(names):
        if name == HEAD:
            chart.add_annotation(x=place, y=0.03, yref="paper", yanchor="bottom", text="the<br>task's<br>own", showarrow=False)
        elif not drift.get(name):
            chart.add_annotation(x=place, y=0.03, yref="paper", text="0", showarrow=False, font={"color": ICE})
    chart.update_yaxes(type="log", dtick=1, exponentformat="none", range=[-2, 2.3])  # as the bars of the slabs: 0.01 % to 100 %
    chart.update_layout(margin={"b": 90})
    return chart, drift_reading(plan, drift)


def drift_reading(plan: Plan, drift: Mapping[str, float]) -> str:
    """Which backbone group moved the most, and which stayed as they were."""
    body = [group.name for group in plan.groups if group.name != HEAD]
    moved = [name for name in body if drift.get(name)]
    still = [name for name in body if not drift.get(name)]
    head = "The head is the task's own, so it is left out."
    if not moved:
        return f"No weight of the backbone moved: all {len(body)} groups are what they were before. {head}"
    most = max(moved, key=lambda name: drift[name])
    text = f"Of the backbone, {most} moved the most: by {percent(drift[most], 2)} of its weights' size."
    if len(moved) > 1:
        least = min(moved, key=lambda name: drift[name])
        text += f" The least of those that trained: {least} ({percent(drift[least], 2)})."
    if still:
        names = listing(still) if len(still) <= 3 else f"{len(still)} groups"
        text += f" Not moved at all: {names}."
    return f"{text} {head}"
