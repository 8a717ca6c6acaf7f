"""Metrics of a classifier, each with its formula. NumPy alone: what is measured here needs no GPU and no torch.

Everywhere, `probabilities` is float (N, C) with rows that add up to 1, and `labels` is int (N,) with values below C.
The answer is the class with the largest probability, the first one in a tie. A metric that is undefined is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ECE_BINS = 15
Score = float | None


def score(probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Every metric: n, loss, accuracy, balanced_accuracy, auroc, f1, ece, and recall as {class: value}."""
    confusion = confusion_matrix(probabilities, labels)
    recalls = recall(confusion)
    return {
        "n": len(labels),
        "loss": loss(probabilities, labels),
        "accuracy": accuracy(confusion),
        "balanced_accuracy": balanced_accuracy(confusion),
        "auroc": auroc(probabilities, labels),
        "f1": f1(confusion),
        "ece": calibration_error(probabilities, labels),
        "recall": dict(zip(classes, recalls, strict=True)),
    }


def why_undefined(labels: np.ndarray, classes: Sequence[str], split: str) -> list[str]:
    """One sentence where some metric of this split is undefined, none where all are defined."""
    if len(labels) == 0:
        return [f"The {split} split has no images, so it has no metrics."]
    missing = [name for name, count in zip(classes, np.bincount(labels, minlength=len(classes)), strict=True) if count == 0]
    if not missing:
        return []
    return [f"The {split} split has no image of {', '.join(missing)}: AUROC, and the recall there, are undefined."]


def majority_baseline(labels: np.ndarray) -> Score:
    """The accuracy of always naming the largest class of this same split: the best that a constant answer can reach."""
    return float(np.bincount(labels).max() / len(labels)) if len(labels) else None


def loss(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Mean cross-entropy, in nats, without class weights."""
    if len(labels) == 0:
        return None
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_truth, np.finfo(np.float64).tiny)).mean())


def confusion_matrix(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts (C, C), int: rows are the truth, columns the answer."""
    count = probabilities.shape[1]
    return np.bincount(labels * count + probabilities.argmax(1), minlength=count * count).reshape(count, count)


def accuracy(confusion: np.ndarray) -> Score:
    return float(np.trace(confusion) / confusion.sum()) if confusion.sum() else None


def recall(confusion: np.ndarray) -> list[Score]:
    """The share found of each class's images; None for a class without images."""
    return [float(row[i] / row.sum()) if row.sum() else None for i, row in enumerate(confusion)]


def balanced_accuracy(confusion: np.ndarray) -> Score:
    """The mean recall of the classes that have images, as in scikit-learn."""
    defined = [value for value in recall(confusion) if value is not None]
    return float(np.mean(defined)) if defined else None


def f1(confusion: np.ndarray) -> Score:
    """Macro F1, for two classes too: the mean of 2 TP / (truths + answers) over the classes that occur in either."""
    sizes = confusion.sum(0) + confusion.sum(1)
    occurs = sizes > 0
    return float((2 * np.diag(confusion)[occurs] / sizes[occurs]).mean()) if occurs.any() else None


def auroc(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Area under the ROC curve; with more than two classes the mean of one against the rest.

    The chance that an image of the class gets a higher probability than one of another class, ties counting half
    (Mann-Whitney). With two classes the second one is the positive. None where a class has no images.
    """
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    if (counts == 0).any():
        return None
    return float(np.mean([_one_against_rest(probabilities[:, c], labels == c) for c in positives(probabilities.shape[1])]))


def positives(classes: int) -> Sequence[int]:
    """The classes whose ROC curves are averaged: the second of two, else each."""
    return [1] if classes == 2 else range(classes)


def _one_against_rest(scores: np.ndarray, positive: np.ndarray) -> float:
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(sizes) - (sizes - 1) / 2  # of each group of equal scores, from 1
    found = int(positive.sum())
    above = mean_rank[group[positive]].sum() - found * (found + 1) / 2
    return float(above / (found * (len(scores) - found)))


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Expected calibration error of the top probability, in 15 bins of equal width (Guo et al. 2017).

    The sum over bins of (images in the bin / N) |accuracy in the bin - mean confidence in the bin|; a bin takes its
    upper edge, not its lower one.
    """
    if len(labels) == 0:
        return None
    confidence = probabilities.max(1).astype(np.float64)
    right = probabilities.argmax(1) == labels
    gaps = np.bincount(bins_by_confidence(confidence), weights=right - confidence, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(labels))


@dataclass(frozen=True)
class Bin:
    """The answers of a range of confidences: how many, how sure on average, and how often right."""

    images: int
    confidence: float
    accuracy: float


def bins_of(probabilities: np.ndarray, labels: np.ndarray) -> list[Bin]:
    """The bins of a reliability diagram that hold any image, the least confident first."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    place = bins_by_confidence(confidence)
    found = []
    for index in np.unique(place):
        inside = place == index
        found.append(Bin(int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean())))
    return found


def bins_by_confidence(confidence: np.ndarray) -> np.ndarray:
    """Which of the 15 bins of equal width each confidence (N,) is in; a bin takes its upper edge, not its lower one."""
    return np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
