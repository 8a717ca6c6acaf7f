"""How classes come apart with depth: their colours and shapes, the two numbers by layer as a figure, and the sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from tlcore.figures.layer_seen import source_title
from tlcore.figures.layers_axis import Depth, Result, add_line, depth_chart, looks
from tlcore.figures.palette import BASELINE, MARKERS, RUNS
from tlcore.figures.words import interval, percent

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
ABOUT = {
    "pca": "The two directions in which the features vary most: distances mean what they say, but much may be hidden.",
    "tsne": "Neighbours stay neighbours; the size of a cluster, and how far it is from others, mean nothing.",
    "umap": "Neighbours stay neighbours; the size of a cluster, and how far it is from others, mean little.",
}

Layer = Mapping[str, Any]  # {name, silhouette, knn {value, low, high, method}, neighbours, why}


def class_marks(classes: Sequence[str]) -> list[dict[str, str]]:
    """A colour and a shape for each class: both differ for the first six, and no pair comes twice for the first 36.

    They begin with the fourth colour: the first three are those of the sources beside them.
    """
    turns = [divmod(place, len(RUNS)) for place in range(len(classes))]
    return [
        {"name": name, "colour": RUNS[(at + 3) % len(RUNS)], "shape": MARKERS[(at + turn) % len(MARKERS)]}
        for name, (turn, at) in zip(classes, turns, strict=True)
    ]


def apart_by_depth(result: Result) -> tuple[go.Figure, str]:
    """k-NN accuracy (with its 95 % interval) over the silhouette, of every layer of each source; with the reading."""
    sources, majority = result["embedding"]["sources"], result["majority_baseline"]
    depth = Depth.of(result)
    by_name = {source["name"]: source["layers"] for source in sources}
    drawn = [look for look in looks(result) if look.source in by_name]
    chart = depth_chart("", lines=len(drawn) + (majority is not None), height=380)
    for look in drawn:
        accuracies, silhouettes = [], []
        for layer in by_name[look.source]:
            ends = [_hundred(layer["knn"].get(end)) for end in ("value", "low", "high")]
            accuracies.append((layer["name"], *ends, f"k-NN {interval(layer['knn'])}"))
            silhouettes.append((layer["name"], layer["silhouette"], None, None, f"silhouette {silhouette_words(layer)}"))
        add_line(chart, depth, look, accuracies)
        add_line(chart, depth, look, silhouettes, yaxis="y2", legend=False)
    if majority is not None:
        chart.add_scatter(
            x=[-0.5, len(depth.groups) - 1.5],
            y=[100 * majority] * 2,
            mode="lines",
            line={"color": BASELINE, "dash": "dash"},
            name=f"largest class alone, {percent(majority)}",
            hoverinfo="skip",
        )
    chart.update_layout(
        yaxis={"domain": [0.46, 1], "title": {"text": "k-NN accuracy (%)"}},
        yaxis2={"domain": [0, 0.38], "title": {"text": "Silhouette"}, "zeroline": True},
        xaxis={"anchor": "y2"},
    )
    depth.draw(chart)
    return chart, apart_reading(sources)


def silhouette_words(layer: Layer) -> str:
    """'0.178', 'not defined'."""
    return "not defined" if layer["silhouette"] is None else f"{layer['silhouette']:.3f}"


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
