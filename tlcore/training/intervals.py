"""95 % intervals of the test metrics: how far each could move if other images of the same kind had been tested.

Two methods, by what a metric is:

- Accuracy and a class's recall are shares of images. Where each image stands for itself they have the Wilson score interval
  (Wilson 1927), which holds for few images and for a perfect score, where resampling sees no uncertainty at all.
- All else is bootstrapped: whole images are drawn with replacement, 1,000 times, and the 2.5th and 97.5th percentile of the
  metric are the interval (Efron 1979, the percentile method). The draw is not stratified: the mix of classes in the test
  split is chance too. Where `clusters` are given (patients), clusters are drawn, since the images of one patient are not
  independent, and then shares are bootstrapped as well.

A bootstrap tells nothing where its two percentiles are the same number, or where more than a twentieth of the resamples leave
the metric undefined (a class without images), because what is left would no longer be a fair sample. A share of patients'
images then has the Wilson interval of as many draws as there are patients (of the class, for a recall), as if all images of
a patient were one: never too narrow. Another metric then has no interval, and `reason` says why.

The interval is about the test images alone: it says nothing about another training seed. What is drawn is a function of the
seed given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from tlcore.training.metrics import Score, positives, score

RESAMPLES = 1000
LEVEL = 0.95
MOST_LEFT_OUT = 0.05
_UNDEFINED: Mapping[str, None] = {"value": None, "low": None, "high": None, "method": None}
_CELLS_AT_ONCE = 2_000_000  # resamples x images computed together: bounds the memory


def with_intervals(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    seed: int,
    clusters: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Every metric as {value, low, high, method} (loss and ece: {value} alone), recall as {class: the same}, and n.

    `method` is "wilson" or "bootstrap"; None without an interval, and then `reason` says why a value that is defined has none.
    """
    values = score(probabilities, labels, classes)
    samples = resampled(probabilities, labels, seed, clusters) if len(labels) else {}
    owners = None if clusters is None else np.asarray(clusters)

    def share(value: Score, of: np.ndarray, draws: np.ndarray | None) -> Mapping[str, Any]:
        """A share of the images that the mask `of` picks."""
        if value is None:
            return _UNDEFINED
        if owners is None:
            return _wilson_interval(value, int(of.sum()))
        found = percentile_interval(value, draws)
        return found if found["method"] else _wilson_interval(value, len(np.unique(owners[of])))

    result: dict[str, Any] = {"n": values["n"], "loss": {"value": values["loss"]}, "ece": {"value": values["ece"]}}
    result["accuracy"] = share(values["accuracy"], np.ones(len(labels), dtype=bool), samples.get("accuracy"))
    for name in ("balanced_accuracy", "auroc", "f1"):
        result[name] = _UNDEFINED if values[name] is None else percentile_interval(values[name], samples[name])
    result["recall"] = {
        name: share(values["recall"][name], labels == c, samples["recall"][:, c] if samples else None)
        for c, name in enumerate(classes)
    }
    return result


def share_interval(right: np.ndarray, *, seed: int, clusters: Sequence[str] | None = None) -> dict[str, Any]:
    """The share of the images (N,) that are right, as {value, low, high, method}: Wilson's, over clusters bootstrapped."""
    if not len(right):
        return dict(_UNDEFINED)
    if clusters is None:
        return _wilson_interval(float(np.mean(right)), len(right))
    found = mean_interval(right, seed=seed, clusters=clusters)
    return found if found["method"] else _wilson_interval(found["value"], len(set(clusters)))


def mean_interval(values: np.ndarray, *, seed: int, clusters: Sequence[str] | None = None) -> dict[str, Any]:
    """The mean of one number for each image (N,), bootstrapped: {value, low, high, method}.

    Of differences between two answers to the same images it is the paired interval.
    """
    if not len(values):
        return dict(_UNDEFINED)
    numbers = np.asarray(values, dtype=np.float64)
    means = [weights @ numbers / weights.sum(1) for weights in _weights(len(numbers), seed, clusters)]
    return percentile_interval(float(numbers.mean()), np.concatenate(means))


def wilson(share: float, n: int) -> tuple[float, float]:
    """The Wilson score interval of a share seen in `n` independent draws (Wilson 1927, without continuity correction).

    (p + z^2/2n -+ z sqrt(p(1 - p)/n + z^2/4n^2)) / (1 + z^2/n), z being the normal quantile of the level.
    """
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return (0.0 if share == 0 else low, 1.0 if share == 1 else high)  # exactly, whatever the rounding


def _wilson_interval(value: float, n: int) -> dict[str, Any]:
    low, high = wilson(value, n)
    return {"value": value, "low": low, "high": high, "method": "wilson"}


def percentile_interval(value: float, samples: np.ndarray) -> dict[str, Any]:
    """{value, low, high, method} from what the metric is on each resample (R,); NaN where it is undefined there."""
    nothing = {"value": value, "low": None, "high": None, "method": None}
    defined = samples[~np.isnan(samples)]
    if len(defined) < (1 - MOST_LEFT_OUT) * len(samples):
        return nothing | {"reason": "too few test images of a class to draw others"}
    low, high = np.percentile(defined, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    if low == high:
        return nothing | {"reason": "every draw of the test images gives the same value"}
    return {"value": value, "low": float(low), "high": float(high), "method": "bootstrap"}


def resampled(
    probabilities: np.ndarray, labels: np.ndarray, seed: int, clusters: Sequence[str] | None
) -> dict[str, np.ndarray]:
    """Each metric on each resample: (1000,), recall (1000, C). NaN where it is undefined.

    What is drawn depends on the seed, the clusters and the number of images alone, so that two classifiers asked about the same
    images are resampled in pairs.
    """
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
