"""Is a picture unlike anything that the network was trained on? Two distances of what its head sees, and a threshold for each.

    knn          1 - cosine to the 10th nearest training image (Sun et al. 2022, "Out-of-distribution detection with deep
                 nearest neighbors": there the Euclidean distance of vectors of length 1, which orders alike)
    mahalanobis  min over classes of (f - m_c)' S^-1 (f - m_c), S being what varies within classes, one matrix for all of them
                 (Lee et al. 2018, "A simple unified framework for detecting out-of-distribution samples and adversarial
                 attacks"). Departures: the last layer alone, no noise on the input, and S is shrunk towards a multiple of the
                 identity after Ledoit and Wolf (2004), for there may be fewer images than features

A distance is too large where hardly any validation image has one so large: the threshold is the validation images' distance of
rank ceil((n + 1)(1 - a / 2)), so each of the two raises the alarm for at most half of a share `a` of pictures of the same kind,
both together for at most a (the same argument as in `conformal.py`). Neither sees everything: what looks alike to this network
is like its training images, whatever it shows. No torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tlcore.explain.conformal import rank_score
from tlcore.explain.nearest import directions
from tlcore.training.intervals import share_interval

FALSE_ALARMS: Final = 0.05
NEIGHBOUR: Final = 10
MEASURES: Final = ("knn", "mahalanobis")
_ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Unlike:
    """What the two distances are measured against, and the validation images' own."""

    bank: np.ndarray  # float16 (N, D): directions of training images' features
    means: np.ndarray  # float32 (C, D): of each class that has training images, its mean feature ...
    root: np.ndarray  # float32 (D, D): ... and S^-1 = root' root
    knn: np.ndarray  # float64 (n,): the validation images' distances, ascending
    mahalanobis: np.ndarray

    def distances(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Both distances of each row of `features` (N, D): float64 (N,) by name. Infinite where it cannot be computed."""
        features = np.asarray(features, dtype=np.float32)
        sound = np.isfinite(features).all(1)
        features = np.where(sound[:, None], features, 0)
        found = {
            "knn": knn_distances(self.bank, features),
            "mahalanobis": mahalanobis_distances(self.means, self.root, features),
        }
        return {name: np.where(sound & ~np.isnan(values), values, np.inf) for name, values in found.items()}

    def thresholds(self, false_alarms: float = FALSE_ALARMS) -> dict[str, float]:
        """Above which a distance raises the alarm; infinite where there are too few validation images to tell."""
        return {name: rank_score(getattr(self, name), 1 - false_alarms / 2) for name in MEASURES}

    def alarms(self, features: np.ndarray, false_alarms: float = FALSE_ALARMS) -> np.ndarray:
        """bool (N,): the pictures that either distance calls unlike."""
        limits = self.thresholds(false_alarms)
        found = self.distances(features)
        return np.any([found[name] > limits[name] for name in MEASURES], axis=0)

    def judge(self, row: np.ndarray, false_alarms: float = FALSE_ALARMS) -> dict[str, Any]:
        """One picture's feature row (D,): {unlike, can_tell, false_alarms, knn, mahalanobis}.

        Of each distance {distance, threshold (null: none), beyond (share of validation images that are at least as far)}.
        `can_tell` is false where there are too few validation images for a threshold.
        """
        limits, found = self.thresholds(false_alarms), self.distances(row[None])
        data: dict[str, Any] = {
            "unlike": any(float(found[name][0]) > limits[name] for name in MEASURES),
            "can_tell": all(math.isfinite(limit) for limit in limits.values()),
            "false_alarms": false_alarms,
        }
        for name in MEASURES:
            distance, own = float(found[name][0]), getattr(self, name)
            data[name] = {
                "distance": distance if math.isfinite(distance) else None,
                "threshold": limits[name] if math.isfinite(limits[name]) else None,
                "beyond": float((own >= distance).mean()) if len(own) else None,
            }
        return data


def fit_unlike(train: np.ndarray, labels: np.ndarray, val: np.ndarray) -> Unlike:
    """The two distances from training features (N, D) with their labels (N,), thresholds from validation features (n, D)."""
    bank = directions(train).astype(np.float16)
    means, root = within_classes(train, labels)
    return Unlike(
        bank,
        means,
        root,
        np.sort(knn_distances(bank, val)),
        np.sort(mahalanobis_distances(means, root, val)),
    )


def knn_distances(bank: np.ndarray, features: np.ndarray) -> np.ndarray:
    """1 - cosine of each row of `features` (N, D) to its 10th nearest in `bank`: float64 (N,); of fewer, to the farthest."""
    wide = bank.astype(np.float32)
    place = len(wide) - min(NEIGHBOUR, len(wide))
    rows = directions(features)
    parts = [
        np.partition(rows[first : first + _ROWS_AT_ONCE] @ wide.T, place, axis=1)[:, place]
        for first in range(0, len(rows), _ROWS_AT_ONCE)
    ]
    return 1 - np.concatenate([np.empty(0), *parts]).astype(np.float64)


def within_classes(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each class present (C, D), and a square root (D, D) of the inverse of what varies within classes.

    Features that do not vary at all have a variance of nothing, and any step along one would be endlessly far: they count as
    if they varied by a millionth of the others' mean (by 1 where none varies).
    """
    from sklearn.covariance import ledoit_wolf  # slow to import, and an answer does without

    features = np.asarray(features, dtype=np.float64)
    present = np.unique(labels)
    means = np.stack([features[labels == each].mean(0) for each in present])
    centred = features - means[np.searchsorted(present, labels)]
    covariance, _ = ledoit_wolf(centred, assume_centered=True)
    floor = 1e-6 * float(np.trace(covariance)) / len(covariance) or 1.0
    sizes, axes = np.linalg.eigh(covariance)
    root = axes.T / np.sqrt(np.maximum(sizes, floor))[:, None]
    return means.astype(np.float32), root.astype(np.float32)


def mahalanobis_distances(means: np.ndarray, root: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The squared Mahalanobis distance of each row of `features` (N, D) to the nearest class: float64 (N,)."""
    rows, centres = np.asarray(features, dtype=np.float32) @ root.T, means @ root.T
    return np.stack([np.square((rows - centre).astype(np.float64)).sum(1) for centre in centres]).min(0)


def alarm_rate(
    unlike: Unlike,
    features: np.ndarray,
    *,
    false_alarms: float = FALSE_ALARMS,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The share of `features` (N, D) that raise the alarm, as METRIC: on test images, the false alarms."""
    return share_interval(unlike.alarms(features, false_alarms), seed=seed, clusters=clusters)
