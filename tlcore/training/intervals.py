"""Bootstrap intervals: how far a metric could move if other images of the same kind had been tested.

Whole images are drawn with replacement, 1,000 times, and the 2.5th and 97.5th percentile of the metric are the interval
(Efron 1979, the percentile method). The draw is not stratified: the mix of classes in the test split is chance too. Where
`clusters` are given (patients), clusters are drawn, since the images of one patient are not independent. A resample that
leaves a metric undefined (a class without images) is left out of that metric; where more than a twentieth are, there is no
interval, because what is left would no longer be a fair sample. What is drawn is a function of the seed.

The interval is about the test images alone: it says nothing about another training seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tlcore.training.metrics import positives, score

RESAMPLES = 1000
LEVEL = 0.95
MOST_LEFT_OUT = 0.05
_CELLS_AT_ONCE = 2_000_000  # resamples x images computed together: bounds the memory


def with_intervals(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    seed: int,
    clusters: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Every metric as {value, low, high} (loss and ece: {value} alone), recall as {class: {value, low, high}}, and n."""
    values = score(probabilities, labels, classes)
    samples = _resampled(probabilities, labels, seed, clusters) if len(labels) else {}
    result: dict[str, Any] = {"n": values["n"], "loss": {"value": values["loss"]}, "ece": {"value": values["ece"]}}
    for name in ("accuracy", "balanced_accuracy", "auroc", "f1"):
        result[name] = _interval(values[name], samples.get(name))
    result["recall"] = {
        name: _interval(values["recall"][name], samples["recall"][:, c] if samples else None) for c, name in enumerate(classes)
    }
    return result


def _interval(value: float | None, samples: np.ndarray | None) -> dict[str, float | None]:
    nothing = {"value": value, "low": None, "high": None}
    if value is None or samples is None:
        return nothing
    defined = samples[~np.isnan(samples)]
    if len(defined) < (1 - MOST_LEFT_OUT) * len(samples):
        return nothing
    low, high = np.percentile(defined, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return {"value": value, "low": float(low), "high": float(high)}


def _resampled(
    probabilities: np.ndarray, labels: np.ndarray, seed: int, clusters: Sequence[str] | None
) -> dict[str, np.ndarray]:
    """Each metric on each resample: (1000,), recall (1000, C). NaN where it is undefined."""
    count = probabilities.shape[1]
    truth = np.eye(count)[labels]
    answer = np.eye(count)[probabilities.argmax(1)]
    orders = [(np.argsort(probabilities[:, c], kind="stable"), c) for c in positives(count)]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("accuracy", "balanced_accuracy", "auroc", "f1", "recall")}
    for weights in _weights(len(labels), seed, clusters):
        truths, answers, hits = weights @ truth, weights @ answer, weights @ (truth * answer)
        with np.errstate(divide="ignore", invalid="ignore"):
            recall = hits / truths
            f1 = 2 * hits / (truths + answers)
            parts["balanced_accuracy"].append(np.nanmean(recall, axis=1))  # some class always has images
            parts["f1"].append(np.nanmean(f1, axis=1))
            curves = [_weighted_auroc(weights[:, o], probabilities[o, c], labels[o] == c) for o, c in orders]
        parts["recall"].append(recall)
        parts["accuracy"].append(hits.sum(1) / weights.sum(1))
        parts["auroc"].append(np.mean(curves, axis=0))
    return {name: np.concatenate(chunks) for name, chunks in parts.items()}


def _weights(images: int, seed: int, clusters: Sequence[str] | None) -> Iterator[np.ndarray]:
    """How often each image is in each resample: chunks of (resamples, N)."""
    member = np.arange(images) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    units = int(member.max()) + 1
    rng = np.random.default_rng(np.random.SeedSequence([seed, RESAMPLES]))
    at_once = max(1, _CELLS_AT_ONCE // images)
    for first in range(0, RESAMPLES, at_once):
        rows = min(at_once, RESAMPLES - first)
        drawn = rng.integers(0, units, size=(rows, units)) + units * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
        yield times[:, member].astype(np.float64)


def _weighted_auroc(weights: np.ndarray, scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """AUROC (R,) with image weights (R, N), for ascending `scores` (N,): ties count half. NaN without both kinds."""
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    ups = np.add.reduceat(weights * positive, starts, axis=1)
    downs = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(downs, axis=1) - downs
    return (ups * (below + downs / 2)).sum(1) / (ups.sum(1) * downs.sum(1))
