"""What is said and drawn of a person's own picture: its probabilities, its prediction set, and how far both can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.palette import BASELINE, TEST
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, decimal, interval, listing, percent, points, times

MOST = 10  # classes drawn


def probabilities(told: Mapping[str, Any], plain: Mapping[str, float]) -> go.Figure:
    """A bar for each class, the most probable on top: calibrated, and as the network itself says (`plain`)."""
    calibrated = told["probabilities"]
    names = sorted(calibrated, key=lambda name: calibrated[name])[-MOST:]
    chart = figure(x="Probability (%)", y="", height=206 + 34 * len(names))
    bars = (("calibrated", TEST, calibrated), ("as the network says", BASELINE, plain))
    for title, colour, values in reversed(bars):
        chart.add_bar(
            x=[100 * values[name] for name in names],
            y=[escaped(name) for name in names],
            orientation="h",
            name=title,
            marker={"color": colour},
            hovertemplate="%{y}: %{x:.1f} %<extra>" + title + "</extra>",
        )
    chart.update_layout(barmode="group", bargap=0.25, legend={"traceorder": "reversed"}, margin={"t": 96})
    chart.update_xaxes(range=[0, 100])
    chart.update_yaxes(automargin=True, type="category")
    return chart


def probabilities_table(told: Mapping[str, Any], plain: Mapping[str, float]) -> list[dict[str, Any]]:
    """The same as rows, the most probable class first."""
    calibrated = told["probabilities"]
    names = sorted(calibrated, key=lambda name: -calibrated[name])
    return [{"class": name, "calibrated": calibrated[name], "as the network says": plain[name]} for name in names]


def set_words(members: Sequence[str], classes: int, confidence: float, fewest: int, calibrated_on: int) -> str:
    """The prediction set as a sentence. `fewest`: validation images that the confidence takes, of `calibrated_on`."""
    promise = f"Over all pictures like its own, {percent(confidence, 0)} of the sets made this way hold the truth"
    if calibrated_on < fewest:
        return (
            f"{promise}. That takes {times(fewest, 'validation image')} to tell, and there are "
            f"{count(calibrated_on)}: every class stays in."
        )
    if len(members) == classes:
        return f"{promise}. This one has every class: at that confidence the network cannot tell."
    if len(members) == 1:
        return f"{promise}. This one is {members[0]} alone."
    return f"{promise}. This one: {listing(list(members))}."


def coverage_words(found: Mapping[str, Any], over: str) -> str:
    """Whether the promise held on the test split. `over`: what the interval counts as independent, images or patients."""
    held = "kept" if found["kept"] else "not kept"
    return (
        f"On {count(found['n'])} test images the promise of {percent(found['promise'], 0)} was {held}: the truth was in "
        f"{interval(found['covered'])} of the sets, over {over}. A set had {found['size']:.2f} classes on average, and "
        f"{percent(found['single'], 0)} had one alone."
    )


def ece_words(found: Mapping[str, Any]) -> str:
    """The calibration error of the test split, before and after."""
    before, after, change = found["before"]["ece"], found["after"]["ece"], found["change"]
    if before is None:
        return "The test split has no images to measure calibration on."
    text = f"Expected calibration error on {count(found['n'])} test images: {decimal(before)} before, {decimal(after)} after"
    if change["value"] == 0:
        return f"{text}: nothing was changed."
    if change["low"] is None or change["low"] <= 0 <= change["high"]:
        return f"{text}: a difference within noise."
    return f"{text}: {points(change['value'])} {'less' if change['value'] < 0 else 'more'}, more than noise."


def nearest_words(nearest: Sequence[Mapping[str, Any]], prediction: str) -> str:
    """How many of the nearest training images are of the class that is answered."""
    if not nearest:
        return ""
    classes = Counter(one["class"] for one in nearest)
    own = classes[prediction]
    rest = listing([f"{count(number)} {name}" for name, number in classes.most_common() if name != prediction])
    if own == len(nearest):
        return f"All {count(own)} nearest training images are {prediction}, as it answers."
    verb = "is" if own == 1 else "are"
    return f"Of the {count(len(nearest))} nearest training images {count(own)} {verb} {prediction}, as it answers; {rest}."


def distance_words(judged: Mapping[str, Any]) -> list[str]:
    """Both distances of the picture from the training images, each beside its threshold."""
    titles = {"knn": "Cosine distance to the 10th nearest training image", "mahalanobis": "Mahalanobis distance to a class"}
    lines = []
    for name, title in titles.items():
        one = judged[name]
        if one["distance"] is None:
            continue
        limit = "no threshold" if one["threshold"] is None else f"threshold {one['threshold']:.3g}"
        beyond = "" if one["beyond"] is None else f"; {percent(one['beyond'], 0)} of validation images are as far or farther"
        lines.append(f"{title}: {one['distance']:.3g} ({limit}{beyond}).")
    return lines


def false_alarm_words(found: Mapping[str, Any]) -> str:
    """How often the alarm goes off on test images, which are of the right kind."""
    return (
        f"The alarm is set to be wrong for {percent(found['false_alarms'], 0)} of validation images; on the test split it was "
        f"for {interval(found['on_test'])}."
    )
