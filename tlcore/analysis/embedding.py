"""The embeddings of all of a job's networks, written into its folder, with what they show in numbers.

embedding.npz   METHOD-i-j float32 (N, 2)   of the source at place i of `sources`, the layer at place j of its `layers`
                rows, labels, ids (N,)      of the images laid out: their places in the split, and what they are
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.analysis.embed import METHODS, Embedding, Method, apart, embed
from tlcore.data.load import Split
from tlcore.files import replacing
from tlcore.progress import Progress, silent

FILE = "embedding.npz"
MOST_POINTS = 1000  # test images laid out, evenly spaced: more would hide each other, and t-SNE would take minutes


def write_embedding(
    rows: Mapping[str, Mapping[str, np.ndarray]],
    split: Split,
    classes: Sequence[str],
    folder: Path,
    *,
    train: slice,
    test: slice,
    patients: Sequence[str] | None = None,
    methods: Sequence[Method] = METHODS,
    seed: int,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Lay out the test images by each layer's features, and write `folder`/embedding.npz.

    `rows` is {source: {layer, bottom to top: features (N, D)}} of all images of `split`; `train` and `test` say which of them
    are whose; `patients` are those of the test images. The other sources are turned to lie as the first one.

    Returns {file, methods, missing {method: why}, images, sources [{name, layers [{name, silhouette, knn METRIC, neighbours,
    why}]}]}.
    """
    labels, tested = split.labels, np.arange(len(split))[test]
    points = tested[np.linspace(0, len(tested) - 1, min(MOST_POINTS, len(tested))).astype(int)]
    ids = np.array([split.ids[i] for i in points], dtype=np.str_)
    arrays: dict[str, np.ndarray] = {"rows": points, "labels": labels[points], "ids": ids}
    sources: list[dict[str, Any]] = []
    first = Embedding({})
    for i, (source, layers) in enumerate(rows.items()):
        asked = {name: everything[points] for name, everything in layers.items()}
        found = embed(asked, methods=methods, seed=seed, like=first.layouts, progress=progress)
        first = first if sources else found
        for method, by_layer in found.layouts.items():
            arrays |= {f"{method}-{i}-{j}": layout for j, layout in enumerate(by_layer.values())}
        judged = []
        for name, everything in layers.items():
            known = (everything[train], labels[train], everything[test], labels[test])
            judged.append({"name": name} | apart(*known, classes, seed=seed, patients=patients))
        sources.append({"name": source, "layers": judged})
    with replacing(folder / FILE) as file:
        np.savez_compressed(file, **arrays)
    return {
        "file": FILE,
        "methods": list(first.layouts),
        "missing": dict(first.missing),
        "images": len(points),
        "sources": sources,
    }
