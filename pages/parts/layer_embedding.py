"""How classes come apart with depth: the test images laid out by each layer's features, with what is measured beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from pages.parts.figures import shown
from pages.parts.layer_files import arrays
from pages.parts.layers_table import numbers
from pages.parts.script import join
from pages.parts.text import plain
from tlcore.figures.layer_embedding import ABOUT, METHODS, apart_by_depth, apart_table, class_marks, silhouette_words
from tlcore.figures.layer_seen import source_title
from tlcore.figures.words import count, interval, listing, times
from tlcore.runs import Run

_component = st.components.v2.component(
    "thaw_embedding",
    html='<div class="root"></div>',
    css=join("embedding.css"),
    js=join("draw.js", "embedding.js"),
)


def layer_embedding(run: Run, result: Mapping[str, Any]) -> None:
    """Draw `result["embedding"]` of a layers run, its images from `result["thumbnails"]`."""
    st.header("How classes come apart")
    embedding = result.get("embedding")
    saved = arrays(run, embedding["file"]) if embedding else None
    if not embedding or saved is None:
        st.caption("This run laid no images out. Ask the layers again to have it.")
        return
    if not embedding["methods"]:
        st.caption(plain(" ".join(sorted(set(embedding["missing"].values())))))
        return
    source, method = _choices(embedding)
    place = next(i for i, one in enumerate(embedding["sources"]) if one["name"] == source)
    _plane(run, result, saved, place, method)
    st.caption(plain(f"{ABOUT[method]} {_measured(embedding, result)}"))
    shown("apart", run, *apart_by_depth(result))
    numbers(run, "apart", apart_table(embedding["sources"]))


def _choices(embedding: Mapping[str, Any]) -> tuple[str, str]:
    """Whose layers are shown, and laid out by which method."""
    left, right = st.columns(2)
    names = [source["name"] for source in embedding["sources"]]
    with left:
        source = st.selectbox("Weights", names, format_func=source_title, key="embedding-source")
    with right:
        methods = embedding["methods"]
        method = st.segmented_control(
            "Laid out by", methods, format_func=METHODS.get, default=methods[0], key="embedding-method"
        )
    notes = list(embedding["missing"].values())
    unasked = [title for name, title in METHODS.items() if name not in (*methods, *embedding["missing"])]
    if unasked:
        notes.append(f"{listing(unasked)} can be had too: ask again, and choose it under More settings.")
    for note in notes:
        st.caption(f":material/info: {plain(note)}")
    return source, method or methods[0]


def _plane(run: Run, result: Mapping[str, Any], saved: Mapping[str, np.ndarray], place: int, method: str) -> None:
    embedding = result["embedding"]
    source = embedding["sources"][place]
    layouts = [saved[f"{method}-{place}-{j}"].astype(float).round(3).tolist() for j in range(len(source["layers"]))]
    layers = [
        {"name": layer["name"], "points": points, "facts": _facts(layer)}
        for layer, points in zip(source["layers"], layouts, strict=True)
    ]
    columns, rows = result["thumbnails"]["columns"], saved["rows"].tolist()
    data = {
        "title": f"{source_title(source['name'])}, {METHODS[method]}",
        "file": f"{run.id}-{source['name']}-{method}",
        "layers": layers,
        "labels": saved["labels"].tolist(),
        "classes": class_marks(result["classes"]),
        "ids": saved["ids"].tolist(),
        "thumbnails": {"url": f"api/runs/{run.id}/thumbnails", "columns": columns, "rows": rows},
    }
    _component(key="layer-embedding", data=data)


def _facts(layer: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("k-NN accuracy", interval(layer["knn"])), ("Silhouette", silhouette_words(layer))]


def _measured(embedding: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    neighbours = embedding["sources"][0]["layers"][0]["neighbours"]
    laid = "" if embedding["images"] == result["images"]["test"] else f" Laid out are {count(embedding['images'])} of these."
    return (
        f"The two numbers are measured in all of a layer's features, not in this picture: the accuracy of naming each of the "
        f"{count(result['images']['test'])} test images after its {times(neighbours, 'nearest training image')} "
        f"(of {count(result['images']['train'])}), with its 95 % interval, and the silhouette, which is 1 where classes lie "
        f"far apart and 0 where they lie across each other.{laid} Neighbouring layers are turned to lie alike."
    )
