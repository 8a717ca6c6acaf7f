"""How classes come apart: each layer's features laid out in two dimensions, and two numbers that say it without a picture.

The layouts are drawn by others' code: PCA and t-SNE by scikit-learn, UMAP by umap-learn where that is installed. A layout may
be turned and mirrored freely, so each is turned to lie as that of the layer before it (orthogonal Procrustes), and all are
scaled to one size. Distances in a t-SNE or UMAP layout mean little: what is measured is measured in the features themselves.

Features are standardised first, channel by channel, so that no loud channel speaks for the others.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from tlcore.errors import SpecError
from tlcore.progress import Progress, silent
from tlcore.training.intervals import wilson, with_intervals

Method = Literal["pca", "tsne", "umap"]
METHODS: tuple[Method, ...] = ("pca", "tsne", "umap")
NO_UMAP = "UMAP is not installed here. To have it, run: pip install umap-learn"
FEWEST = 5  # images, below which a layout shows nothing
PERPLEXITY = 30.0  # of t-SNE; at most a third of the images
DIMENSIONS = 50  # that PCA leaves of the features before t-SNE and UMAP (van der Maaten & Hinton 2008, section 4.2)
NEIGHBOURS = 5  # of the k-NN classifier
UMAP_NEIGHBOURS = 15
MOST_PAIRED = 2000  # images whose pairs are all measured, for the silhouette

Layout = np.ndarray  # float32 (N, 2), centred, its root mean square distance from the middle 1
Layouts = Mapping[Method, Mapping[str, Layout]]  # by method and layer


@dataclass(frozen=True)
class Embedding:
    """The layouts of every layer by every method that could be had."""

    layouts: Layouts
    missing: Mapping[str, str] = field(default_factory=dict)  # method -> why there is none


def embed(
    features: Mapping[str, np.ndarray],
    *,
    methods: Sequence[Method] = METHODS,
    seed: int,
    like: Layouts | None = None,
    progress: Progress = silent,
) -> Embedding:
    """Lay out each layer's features (N, D), given bottom to top, the same N images in each.

    Each layout is turned to lie as the one before it, or as that of the same name in `like`: another network's, of the same
    images. Raises `SpecError` for an unknown method. Fewer than 5 images have no layout.
    """
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise SpecError(f"There is no embedding named {unknown[0]!r}.", next_step=f"Choose among: {', '.join(METHODS)}.")
    counts = {len(rows) for rows in features.values()}
    if counts and min(counts) < FEWEST:
        few = f"There are only {min(counts)} images; a layout needs {FEWEST} or more."
        return Embedding({}, dict.fromkeys(methods, few))
    missing = {"umap": NO_UMAP} if "umap" in methods and importlib.util.find_spec("umap") is None else {}
    able = [method for method in methods if method not in missing]
    done, total = 0, len(able) * len(features)
    layouts: dict[Method, dict[str, Layout]] = {method: {} for method in able}
    reduced = {name: _reduced(standard(rows), seed) for name, rows in features.items()}
    for method in able:
        before = None
        for name, rows in reduced.items():
            target = (like or {}).get(method, {}).get(name, before)
            before = layouts[method][name] = turned(_layout(method, rows, seed), target)
            done += 1
            progress("Laying the images out in two dimensions", done, total, "layouts")
    return Embedding(layouts, missing)


def apart(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    classes: Sequence[str],
    *,
    seed: int,
    patients: Sequence[str] | None = None,
) -> dict[str, Any]:
    """How far the classes are apart in one layer's features: {silhouette, knn {value, low, high, method}, neighbours, why}.

    The silhouette (Rousseeuw 1987) is of the test images, of 2,000 evenly spaced ones where there are more: the mean of
    (b - a) / max(a, b), a being an image's mean distance to its own class and b that to the nearest other one; -1 to 1. The
    k-NN accuracy is that of 5 neighbours among the training images, measured on the test images, its interval over them or
    over their patients. Both use Euclidean distances of features standardised by the training images. What is undefined is
    None, and `why` says so.
    """
    scaler = StandardScaler().fit(train.astype(np.float64))
    known, asked = scaler.transform(train.astype(np.float64)), scaler.transform(test.astype(np.float64))
    neighbours = min(NEIGHBOURS, len(known))
    knn = KNeighborsClassifier(neighbours).fit(known, train_labels)
    votes = np.zeros((len(asked), len(classes)))
    votes[:, knn.classes_] = knn.predict_proba(asked)
    silhouette = _silhouette(asked, test_labels)
    return {
        "silhouette": silhouette,
        "knn": _accuracy(votes, test_labels, classes, seed, patients),
        "neighbours": neighbours,
        "why": "A silhouette needs two classes, and one of them with two images." if silhouette is None else None,
    }


def _silhouette(features: np.ndarray, labels: np.ndarray) -> float | None:
    some = np.linspace(0, len(labels) - 1, min(MOST_PAIRED, len(labels))).astype(int)
    if not 2 <= len(np.unique(labels[some])) < len(some):
        return None
    return float(silhouette_score(features[some], labels[some]))


def turned(layout: np.ndarray, like: np.ndarray | None) -> Layout:
    """`layout` (N, 2) centred, scaled to a root mean square radius of 1, and rotated or mirrored to lie closest to `like`.

    The rotation R minimises |layout R - like| (Schönemann 1966): R = U V' of the singular value decomposition of layout' like.
    """
    centred = layout.astype(np.float64) - layout.mean(0)
    radius = np.sqrt((centred**2).sum(1).mean())
    centred /= radius or 1.0
    if like is not None:
        left, _, right = np.linalg.svd(centred.T @ like.astype(np.float64))
        centred = centred @ left @ right
    return centred.astype(np.float32)


def standard(features: np.ndarray) -> np.ndarray:
    """Features (N, D) with mean 0 and standard deviation 1 in each channel; a channel that is constant becomes 0."""
    return StandardScaler().fit_transform(features.astype(np.float64))


def _reduced(features: np.ndarray, seed: int) -> np.ndarray:
    most = min(DIMENSIONS, *features.shape)
    return PCA(most, random_state=seed).fit_transform(features) if features.any() else features[:, :most]


def _layout(method: Method, rows: np.ndarray, seed: int) -> np.ndarray:
    """`rows` are principal components, the first one first."""
    if not rows.any():
        return np.zeros((len(rows), 2))  # all images alike
    match method:
        case "pca":
            return np.pad(rows[:, :2], ((0, 0), (0, max(0, 2 - rows.shape[1]))))
        case "tsne":
            perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
            start = np.pad(rows[:, :2], ((0, 0), (0, max(0, 2 - rows.shape[1]))))
            start = 1e-4 * start / (start[:, 0].std() or 1.0)  # as scikit-learn's own start by PCA, of one column too
            return TSNE(perplexity=perplexity, init=start.astype(np.float32), random_state=seed, n_jobs=1).fit_transform(rows)
        case "umap":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ImportWarning)  # it misses TensorFlow, which nobody asks it for
                from umap import UMAP  # slow to import, and not always there
            neighbours = min(UMAP_NEIGHBOURS, len(rows) - 1)
            return UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(rows)


def _accuracy(
    votes: np.ndarray, labels: np.ndarray, classes: Sequence[str], seed: int, patients: Sequence[str] | None
) -> dict[str, Any]:
    if patients is not None:
        return dict(with_intervals(votes, labels, classes, seed=seed, clusters=patients)["accuracy"])
    share = float((votes.argmax(1) == labels).mean())
    low, high = wilson(share, len(labels))
    return {"value": share, "low": low, "high": high, "method": "wilson"}
