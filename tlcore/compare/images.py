"""Two strategies on the same test images, picture by picture: what a single seed can tell."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.special import stdtr, stdtrit

from tlcore.compare.statistics import LEVEL, mcnemar


@dataclass(frozen=True)
class Answers:
    """Which test images a run named rightly (N,), their ids, and whose each is (None: each stands for itself)."""

    right: np.ndarray
    ids: tuple[str, ...]
    owners: np.ndarray | None


@dataclass(frozen=True)
class ImageDifference:
    """Difference of two accuracies on the same images: a strategy minus its baseline, with its 95 % interval.

    `p` is McNemar's exact test's, which takes every image for itself; where images are patients', or seeds were averaged, it
    is Student's, of the same t as the interval.
    """

    mean: float
    low: float
    high: float
    p: float
    over: str  # "images" or "patients"


def paired_over_images(strategy: Sequence[Path], baseline: Sequence[Path], *, over: str = "images") -> ImageDifference | None:
    """Compare the runs in these folders, each strategy's in the same order of seeds; several seeds are averaged per image.

    The interval is Student's over images, or over patients (whole patients being what is independent: the sums of their
    differences, a ratio's linearised variance). None where a run kept no predictions, the images differ, there is one of
    them, or patients are asked for and not told.
    """
    pairs = [(answers(a), answers(b)) for a, b in zip(strategy, baseline, strict=True)]
    if not pairs or any(one is None for pair in pairs for one in pair):
        return None
    known = [one for pair in pairs for one in pair if one is not None]
    if any(one.ids != known[0].ids for one in known):
        return None
    owners = known[0].owners
    if over == "patients" and owners is None:
        return None
    apart = np.mean([first.right - second.right for first, second in pairs if first is not None and second is not None], axis=0)
    mean = float(apart.mean())
    if owners is None or over != "patients":
        residuals, kind = apart - mean, "images"
    else:
        _, place = np.unique(owners, return_inverse=True)
        counts = np.bincount(place)
        residuals, kind = (np.bincount(place, weights=apart) - mean * counts) / counts.mean(), "patients"
    n = len(residuals)
    if n < 2:
        return None
    error = float(residuals.std(ddof=1)) / math.sqrt(n)
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * error
    if kind == "images" and len(pairs) == 1:
        p = mcnemar(int((apart > 0).sum()), int((apart < 0).sum()))
    else:
        p = float(2 * stdtr(n - 1, -abs(mean) / error)) if error else float(mean == 0)
    return ImageDifference(mean, mean - half, mean + half, p, kind)


def answers(folder: Path) -> Answers | None:
    """What a run answered on its test split; None where it kept nothing that can be read."""
    file = folder / "predictions.npz"
    try:
        return _answers(file, file.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=512)
def _answers(file: Path, _mark: int) -> Answers | None:
    try:
        with np.load(file, allow_pickle=False) as saved:
            right = (saved["probabilities"].argmax(1) == saved["labels"]).astype(float)
            ids = tuple(saved["ids"].tolist())
            owners = saved["clusters"] if "clusters" in saved.files else np.array(())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    if not len(right):
        return None
    return Answers(right, ids, owners if len(owners) == len(right) else None)
