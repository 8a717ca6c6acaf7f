"""What moved in finished runs: each group's weights, answers and statistics from the start to the end, and over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.layer_seen import source_title
from tlcore.figures.layer_words import MOVES
from tlcore.figures.layers_axis import Depth, Look, Result, add_band, add_line, depth_chart, looks
from tlcore.figures.palette import SEQUENTIAL
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import listing, percent
from tlcore.groups import HEAD

Values = list[tuple[str, float, tuple[float, float] | None]]  # of each group that has the quantity, bottom to top; its interval
PAIRED = ("weight_drift", "activation_drift", "batchnorm_drift")  # one number for the two networks
SHARES = ("weight_drift", "activation_drift")  # people say them in percent
_AROUND = tuple((f"_{when}", f", {when}", dash) for when, dash in (("before", "dot"), ("after", "solid")))
LINES = {  # quantity -> (what follows its name in a result, what follows the run's in the figure, dash) of each of its lines
    "weight_drift": (("", "", "solid"),),
    "activation_drift": (("", ", these images", "solid"), ("_source", ", photographs", "dot")),
    "batchnorm_drift": (("", "", "solid"),),
    "gradient": _AROUND,
    "fisher": _AROUND,
}
BLOWN_UP = 3.0  # activation drift from which a group gives out at least twice as much: |a| >= |a - a0| - |a0|
MOST_WITH_TEXT = 12  # epochs up to which a cell says its number
_ROW = 34  # pixels
_GROUP = "\0"  # where a sentence names its group
_HEAD = "The head is the task's own, so it is left out."


def keys_of(quantity: str) -> tuple[str, ...]:
    """The names of a quantity in a result."""
    return tuple(f"{quantity}{tail}" for tail, *_ in LINES[quantity])


def moved_by_depth(result: Result, quantity: str) -> tuple[go.Figure | None, list[str]]:
    """A line for each run, two where it is measured twice, with a band where there are intervals; no figure where no group has
    the quantity.
    """
    depth, scale = Depth.of(result), 100 if quantity in SHARES else 1
    lines = _lines(result, quantity)
    if not lines:
        return None, _whys(result, quantity)
    title = MOVES[quantity][0]
    chart = depth_chart(f"{title} (%)" if scale == 100 else title, lines=len(lines))
    for look, which, dash, values in lines:
        words = [f"{title.lower()} {_with_ends(quantity, value, ends)}" for _, value, ends in values]
        points = [(name, scale * value, None, None, said) for (name, value, _), said in zip(values, words, strict=True)]
        bands = [(name, value, *(scale * end for end in ends), "") for name, value, ends in values if ends]
        add_band(chart, depth, look, bands)
        add_line(chart, depth, look, points, name=look.title + which, dash=dash)
    if quantity in PAIRED:
        chart.update_yaxes(rangemode="tozero")
    else:
        chart.update_yaxes(type="log", exponentformat="power")
    depth.draw(chart)
    return chart, moved_reading(result, quantity)


def moved_reading(result: Result, quantity: str) -> list[str]:
    """Which group moved the most and which the least, run by run; or what changed the most from before to after."""
    lines = _lines(result, quantity)
    if quantity in PAIRED:
        sentences = [_apart(f"{look.title}{which}", quantity, values) for look, which, _, values in lines]
        if quantity == "activation_drift":
            sentences += [_blown_up(f"{look.title}{which}", values) for look, which, _, values in lines if _is_blown_up(values)]
    else:
        by_run: dict[str, list[Values]] = {}
        for look, _, _, values in lines:
            by_run.setdefault(look.title, []).append(values)
        sentences = [_change(title, quantity, *both) for title, both in by_run.items() if len(both) == 2]
    sample = "" if quantity in PAIRED else "Of a sample of the training images, without an interval."
    if any(ends for *_, values in lines for *_, ends in values):
        sample = "The bands are 95 % intervals: what other images of the same kind would show."
    return [*sentences, f"{sample} {_HEAD}".strip(), *_whys(result, quantity)]


def moved_table(result: Result) -> list[dict[str, Any]]:
    """Every quantity of every group of every run, the head too."""
    return [
        {"run": run, "group": group}
        | {
            name: value
            for quantity in MOVES
            for key in keys_of(quantity)
            for name, value in ({key: values.get(key)} | _ends_in_table(key, values)).items()
        }
        for run, groups in result["moved"].items()
        for group, values in groups.items()
    ]


def drift_over_epochs(epochs: Sequence[Mapping[str, Any]], run_id: str) -> tuple[go.Figure, str]:
    """How far each group's weights had moved after each epoch, from a run's `epoch` events; head at the top, and left out."""
    groups = [name for name in epochs[0]["drift"] if name != HEAD]
    table = [[epoch["drift"].get(name) or 0.0 for epoch in epochs] for name in groups]
    moving = [value for row in table for value in row if value > 0]
    low = math.log10(min(moving)) if moving else -1.0
    high = max(math.log10(max(moving)), low + 0.1) if moving else 0.0
    columns, rows = list(range(len(epochs))), list(range(len(groups)))
    chart = figure(x="After epoch", y="", height=110 + _ROW * len(groups))
    chart.add_heatmap(
        z=[[math.log10(value) if value > 0 else None for value in row] for row in table],
        x=columns,
        y=rows,
        zmin=low - 0.2,
        zmax=high,
        colorscale=[list(stop) for stop in SEQUENTIAL],
        showscale=False,
        customdata=[
            [f"{escaped(name)}: {percent(value, 2)}" for value in row] for name, row in zip(groups, table, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=True,
        xgap=2,
        ygap=2,
    )
    if len(epochs) <= MOST_WITH_TEXT:
        for down, row in enumerate(table):
            for across, value in enumerate(row):
                text = f"{100 * value:.2g}" if value else "0"
                chart.add_annotation(x=across, y=down, text=text, showarrow=False, font={"size": 12})
    marks = columns if len(epochs) <= MOST_WITH_TEXT else columns[:: math.ceil(len(epochs) / MOST_WITH_TEXT)]
    chart.update_xaxes(tickvals=marks, ticktext=[str(epochs[at]["epoch"] + 1) for at in marks], showgrid=False, zeroline=False)
    chart.update_yaxes(
        tickvals=rows, ticktext=[escaped(name) for name in groups], showgrid=False, zeroline=False, automargin=True
    )
    chart.update_layout(margin={"t": 30, "l": 10})
    return chart, epochs_reading(epochs, run_id)


def epochs_reading(epochs: Sequence[Mapping[str, Any]], run_id: str) -> str:
    """How much of the way that the fastest group went was behind it after the first epoch."""
    title = source_title(run_id)
    last = {name: value for name, value in epochs[-1]["drift"].items() if name != HEAD and value}
    if not last:
        return f"{title}: no weight of the backbone moved. {_HEAD}"
    most = max(last, key=lambda name: last[name])
    early = (epochs[0]["drift"].get(most) or 0.0) / last[most]
    went = f"{percent(early, 0)} as far after the first epoch" if len(epochs) > 1 else "in its one epoch"
    return (
        f"{title}: change of the weights in %, darker is further (on a logarithmic scale). {most} went furthest, "
        f"{percent(last[most], 2)}; {went}. {_HEAD}"
    )


def _lines(result: Result, quantity: str) -> list[tuple[Look, str, str, Values]]:
    """(run, what follows its name, dash, values) of each line that has any values."""
    runs = [look for look in looks(result) if look.source in result["moved"]]
    found = [
        (look, which, dash, _values(result, look, quantity + tail)) for look in runs for tail, which, dash in LINES[quantity]
    ]
    return [line for line in found if line[-1]]


def _values(result: Result, look: Look, key: str) -> Values:
    found = result["moved"][look.source]
    return [
        (group, row[key], None if (ends := row.get(f"{key}_interval")) is None else (ends[0], ends[1]))
        for group, row in found.items()
        if group != HEAD and row.get(key) is not None
    ]


def _ends_in_table(key: str, row: Mapping[str, Any]) -> dict[str, float | None]:
    """Two columns more for what has intervals."""
    if not key.startswith("activation_drift"):
        return {}
    low, high = row.get(f"{key}_interval") or (None, None)
    return {f"{key} 95 % from": low, f"{key} to": high}


def _whys(result: Result, quantity: str) -> list[str]:
    """Why groups lack a quantity: one sentence for all groups of which the same is said, and of which runs where not of all."""
    whys: dict[str, list[str]] = {}
    runs: dict[str, dict[str, None]] = {}
    for run, groups in result["moved"].items():
        for group, row in groups.items():
            for key in keys_of(quantity) if group != HEAD else ():
                if why := row.get("why", {}).get(key):
                    whys.setdefault(why.replace(group, _GROUP), []).append(group)
                    runs.setdefault(why.replace(group, _GROUP), {})[source_title(run)] = None
    return [
        ("" if len(runs[why]) == len(result["moved"]) else f"{listing(list(runs[why]))}: ")
        + why.replace(_GROUP, listing(list(dict.fromkeys(groups))))
        for why, groups in whys.items()
    ]


def _apart(title: str, quantity: str, values: Values) -> str:
    moved = [one for one in values if one[1] > 0]
    if not moved:
        return f"{title}: nothing moved."
    most, least = max(moved, key=lambda one: one[1]), min(moved, key=lambda one: one[1])
    still = len(values) - len(moved)
    rest = f" {still} of {len(values)} groups did not move." if still else ""
    if most == least:
        return f"{title}: {most[0]} alone moved, {_with_ends(quantity, *most[1:])}.{rest}"
    told = [f"{name} the {word}, {_with_ends(quantity, *one)}" for word, (name, *one) in (("most", most), ("least", least))]
    doubt = "; the intervals overlap, so which is which may be chance" if _overlap(most[2], least[2]) else ""
    return f"{title}: {', '.join(told)}{doubt}.{rest}"


def _is_blown_up(values: Values) -> bool:
    return max(value for _, value, _ in values) >= BLOWN_UP


def _blown_up(title: str, values: Values) -> str:
    name, drift, _ = max(values, key=lambda one: one[1])
    return (
        f"{title}: {name} gives out at least {math.floor(drift) - 1} times as much as before. Such a network has blown up "
        "rather than moved; its learning rate was too high."
    )


def _overlap(upper: tuple[float, float] | None, lower: tuple[float, float] | None) -> bool:
    return upper is not None and lower is not None and upper[0] <= lower[1]


def _change(title: str, quantity: str, before: Values, after: Values) -> str:
    start = {name: value for name, value, _ in before}
    both = [(name, start[name], end) for name, end, _ in after if start.get(name) and end > 0]
    if not both:
        return f"{title}: it cannot be compared."
    most = max(both, key=lambda one: abs(math.log(one[2] / one[1])))
    return (
        f"{title}: the greatest change is in {most[0]}, from {_said(quantity, most[1])} to {_said(quantity, most[2])} "
        f"({most[2] / most[1]:.2g} times)."
    )


def _with_ends(quantity: str, value: float, ends: tuple[float, float] | None) -> str:
    """'10.0 % (8.1 % to 12.2 %)'."""
    said = _said(quantity, value)
    return said if ends is None else f"{said} ({_said(quantity, ends[0])} to {_said(quantity, ends[1])})"


def _said(quantity: str, value: float) -> str:
    digits = 0 if value >= 1 else 1 if value >= 0.1 else 2
    return percent(value, digits) if quantity in SHARES else f"{value:.3g}"
