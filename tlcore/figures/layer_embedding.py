"""How classes come apart with depth: their colours and shapes, the two numbers by layer as a figure, and the sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.layer_seen import source_title
from tlcore.figures.palette import BASELINE, MARKERS, RUNS
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import interval, percent

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
ABOUT = {
    "pca": "The two directions in which the features vary most: distances mean what they say, but much may be hidden.",
    "tsne": "Neighbours stay neighbours; the size of a cluster, and how far it is from others, mean nothing.",
    "umap": "Neighbours stay neighbours; the size of a cluster, and how far it is from others, mean little.",
}

Layer = Mapping[str, Any]  # {name, silhouette, knn {value, low, high, method}, neighbours, why}


def class_marks(classes: Sequence[str]) -> list[dict[str, str]]:
    """A colour and a shape for each class: both differ for the first six, and no pair comes twice for the first 36."""
    turns = [divmod(place, len(RUNS)) for place in range(len(classes))]
    return [
        {"name": name, "colour": RUNS[at], "shape": MARKERS[(at + turn) % len(MARKERS)]}
        for name, (turn, at) in zip(classes, turns, strict=True)
    ]


def apart_by_depth(sources: Sequence[Mapping[str, Any]], majority: float | None) -> tuple[go.Figure, str]:
    """k-NN accuracy (with its 95 % interval) and silhouette of every layer of each source, bottom to top; with the reading."""
    names = [layer["name"] for layer in sources[0]["layers"]]
    chart = figure(x="Layer, from the image up", y="k-NN accuracy (%)", height=380)
    for place, source in enumerate(sources):
        title = source_title(source["name"])
        style = {"color": RUNS[place % len(RUNS)], "symbol": MARKERS[place % len(MARKERS)], "size": 9}
        accuracies = [layer["knn"] for layer in source["layers"]]
        chart.add_scatter(
            x=list(range(len(accuracies))),
            y=[_hundred(one["value"]) for one in accuracies],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [_reach(one, "high") for one in accuracies],
                "arrayminus": [_reach(one, "low") for one in accuracies],
                "thickness": 1.2,
                "width": 4,
            },
            mode="lines+markers",
            marker=style,
            line={"color": style["color"]},
            name=f"{escaped(title)}, k-NN",
            customdata=[interval(one) for one in accuracies],
            hovertemplate="%{customdata}<extra></extra>",
        )
        chart.add_scatter(
            x=list(range(len(accuracies))),
            y=[layer["silhouette"] for layer in source["layers"]],
            yaxis="y2",
            mode="lines+markers",
            marker={**style, "symbol": f"{style['symbol']}-open"},
            line={"color": style["color"], "dash": "dot"},
            name=f"{escaped(title)}, silhouette",
            hovertemplate="%{y:.3f}<extra></extra>",
        )
    if majority is not None:
        chart.add_scatter(
            x=[-0.4, len(names) - 0.6],
            y=[100 * majority] * 2,
            mode="lines",
            line={"color": BASELINE, "dash": "dash"},
            name=f"largest class alone, {percent(majority)}",
            hoverinfo="skip",
        )
    chart.update_xaxes(
        tickvals=list(range(len(names))),
        ticktext=[escaped(name).replace(" and ", " and<br>") for name in names],
        range=[-0.4, len(names) - 0.6],
        showgrid=False,
        zeroline=False,
    )
    chart.update_layout(
        yaxis={"domain": [0.42, 1]},
        yaxis2={"domain": [0, 0.34], "title": {"text": "Silhouette"}, "anchor": "x", "zeroline": True},
        xaxis={"anchor": "y2"},
        height=560,
        margin={"t": 40 + 26 * (2 * len(sources) + (majority is not None))},
        legend={"orientation": "v", "y": 1.02},
    )
    return chart, apart_reading(sources)


def apart_reading(sources: Sequence[Mapping[str, Any]]) -> str:
    """Where each network's classes are furthest apart, by both measures."""
    sentences = []
    for source in sources:
        layers = [layer for layer in source["layers"] if layer["knn"]["value"] is not None]
        if not layers:
            continue
        best = max(layers, key=lambda layer: layer["knn"]["value"])
        first = layers[0]
        text = f"{source_title(source['name'])}: k-NN is best at {best['name']}, {interval(best['knn'])}"
        if best is not first:
            text += f", against {interval(first['knn'])} at {first['name']}"
            text += "; their intervals do not overlap" if _above(best["knn"], first["knn"]) else "; their intervals overlap"
        known = [layer for layer in layers if layer["silhouette"] is not None]
        if known:
            widest = max(known, key=lambda layer: layer["silhouette"])
            text += f". The silhouette is highest at {widest['name']}, {widest['silhouette']:.3f}"
        sentences.append(f"{text}.")
    whys = {layer["why"] for source in sources for layer in source["layers"] if layer["why"]}
    return " ".join([*sentences, *sorted(whys)])


def apart_table(sources: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every number of the figure as rows of a table."""
    return [
        {
            "weights": source["name"],
            "layer": layer["name"],
            "k-NN accuracy": layer["knn"]["value"],
            "95 % from": layer["knn"]["low"],
            "to": layer["knn"]["high"],
            "silhouette": layer["silhouette"],
            "neighbours": layer["neighbours"],
        }
        for source in sources
        for layer in source["layers"]
    ]


def _above(better: Mapping[str, float | None], worse: Mapping[str, float | None]) -> bool:
    low, high = better.get("low"), worse.get("high")
    return low is not None and high is not None and low > high


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _reach(value: Mapping[str, float | None], end: str) -> float:
    """How far an interval goes from its value, in points; 0 where there is none."""
    if value.get(end) is None or value["value"] is None:
        return 0.0
    return 100 * abs(value[end] - value["value"])
