"""Loss and metrics over the epochs, and what they say."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from tlcore.figures.baseline import baseline
from tlcore.figures.cut_words import solved
from tlcore.figures.fold import Event, Folded, Point, training_loss
from tlcore.figures.palette import BASELINE, TRAIN, VALIDATION, rgba
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import METRICS, apart, is_share, measured


def loss_curves(run: Folded) -> tuple[go.Figure, str]:
    """The training loss of each step or round and the validation loss of each epoch, with their reading."""
    assert run.plan is not None
    each, averaged = training_loss(run)
    chart = figure(x="Epochs", y="Loss (cross-entropy, nats)")
    if all(solved(run.plan.get("cut"), event["phase"]) for event in run.epochs):
        _line(chart, each, "training, each round", TRAIN, dots=True)
    else:
        _line(chart, each, "training, each step", rgba(TRAIN, 0.35), width=1)
        _line(chart, averaged, "training, averaged", TRAIN)
    held = [(event["epoch"] + 1, _number(event["val"].get("loss"))) for event in run.epochs]
    _line(chart, held, "validation", VALIDATION, dots=True)
    _phases(chart, run)
    chart.update_yaxes(rangemode="tozero")
    return chart, loss_reading(run.epochs)


def loss_reading(epochs: list[Event]) -> str:
    """What happened to the validation loss, and to its distance from the training loss."""
    known = [event for event in epochs if event["val"].get("loss") is not None]
    if not known:
        return "No epoch has ended, so there is no validation loss."
    if len(known) == 1:
        return f"One epoch: the validation loss is {known[0]['val']['loss']:.3f}."
    best = min(known, key=lambda event: event["val"]["loss"])
    first, lowest, last = (event["val"]["loss"] for event in (known[0], best, known[-1]))
    if best is known[0]:
        text = f"The validation loss is lowest after the first epoch ({first:.3f}) and ends at {last:.3f}."
    elif best is known[-1]:
        text = f"The validation loss falls from {first:.3f} to {last:.3f} and is lowest at the end."
    else:
        text = (
            f"The validation loss falls from {first:.3f} to {lowest:.3f} in epoch {best['epoch'] + 1} and ends at {last:.3f}."
        )
    return text


def metric_curve(run: Folded, metric: str) -> tuple[go.Figure, str]:
    """A metric on the validation split over the epochs, beside what naming the largest class always gets."""
    assert run.plan is not None
    title, _ = METRICS[metric]
    scale = 100 if is_share(metric) else 1
    chart = figure(x="Epochs", y=f"{title} (%)" if is_share(metric) else title)
    if metric == "accuracy":
        trained = [(event["epoch"] + 1, 100 * _number(event["train"].get("accuracy"))) for event in run.epochs]
        _line(chart, trained, "training", TRAIN, dots=True)
    held = [(event["epoch"] + 1, scale * _number(event["val"].get(metric))) for event in run.epochs]
    _line(chart, held, "validation", VALIDATION, dots=True)
    majority = run.plan["majority_baseline"]
    level = None if majority is None else baseline(metric, majority, len(run.plan["classes"]))
    if level is not None:
        chart.add_hline(scale * level, line={"dash": "dash", "color": BASELINE, "width": 1.5})
        _line(chart, [], f"always the largest class ({measured(metric, level)})", BASELINE, dash="dash")
    chart.update_xaxes(range=[0, max([event["epoch"] + 1 for event in run.epochs], default=1) * 1.03])
    _phases(chart, run)
    return chart, metric_reading(run.epochs, metric, level)


def metric_reading(epochs: list[Event], metric: str, level: float | None) -> str:
    """How the metric moved, and whether it left the baseline."""
    title, _ = METRICS[metric]
    known = [(event["epoch"] + 1, event["val"][metric]) for event in epochs if event["val"].get(metric) is not None]
    if not known or level is None:
        return f"{title} is not defined on this validation split."
    epoch, best = max(known, key=lambda pair: (pair[1], -pair[0]))
    ahead = best - level
    against = f"{apart(metric, ahead)} above" if ahead > 0 else f"{apart(metric, ahead)} below" if ahead < 0 else "exactly at"
    ended = f" It ends at {measured(metric, known[-1][1])}." if known[-1][1] < best else ""
    return f"{title} on the validation split is best in epoch {epoch}: {measured(metric, best)}, {against} the baseline.{ended}"


def _line(
    chart: go.Figure, line: list[Point], name: str, colour: str, *, width: float = 2.5, dots: bool = False, dash: str = "solid"
) -> None:
    chart.add_scatter(
        x=[x for x, _ in line] or [None],
        y=[y for _, y in line] or [None],
        name=name,
        mode="lines+markers" if dots else "lines",
        line={"color": colour, "width": width, "dash": dash},
        marker={"size": 8},
    )


def _phases(chart: go.Figure, run: Folded) -> None:
    assert run.plan is not None
    phases = run.plan["plan"]["phases"]
    begun = {}
    for event in run.epochs:
        begun.setdefault(event["phase"], event["epoch"])
    for index, epoch in begun.items():
        if len(phases) > 1:
            name = phases[index]["name"] if len(phases) <= 2 else str(index + 1)
            chart.add_vline(epoch, line={"color": BASELINE, "width": 1, "dash": "dot"})
            # Above the plot, where no curve runs; the legend makes room.
            note = {"yref": "paper", "xanchor": "left", "yanchor": "bottom", "showarrow": False}
            chart.add_annotation(x=epoch, y=1, text=escaped(name), **note)
            chart.update_layout(legend={"y": 1.1}, margin={"t": 124})


def _number(value: float | None) -> float:
    return math.nan if value is None else value
