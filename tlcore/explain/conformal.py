"""Prediction sets: all classes that an image may be of, with a promise of how often the true one is among them.

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018). Of each of n validation images it is known how little its true
class suits it, its score. The threshold for a confidence of 1 - a is the score of rank ceil((n + 1)(1 - a)), and an image's set
is every class whose score is at most that. Where validation images and the new one come about alike (exchangeable), and each
stands for itself, the true class is in the set with a probability of at least 1 - a, and of at most 1 - a + 1 / (n + 1) where
no two scores are equal: for any network, however wrong. It holds on average over images, not for each class or each patient.
Two things make it a little bold here: the validation images also chose the best epoch, and several images of one patient do not
each stand for themselves. What the sets really cover is therefore measured on the test split, over patients where they
are known.

    lac  score = 1 - p(class): the smallest sets on average (Sadinle et al. 2019)
    aps  score = what all classes more probable have together (Romano et al. 2020): larger sets, more even over hard and easy
         images. Departure: without the paper's random share of p(class), so that a picture has the same set each time. Scores
         of 0 abound then, which makes the promise too careful, never too bold; and no set is empty

A network that is right more often than 1 - a could keep its promise with sets that are empty where it is least sure. An
empty set tells a person nothing, so the most probable class is always in: the promise is then more than kept, and `exact` in
`coverage` says what the bare sets do. Too few validation images for a confidence (n + 1 < 1 / a) leave every class in. No
torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from scipy.special import betaln, gammaln

from tlcore.errors import SpecError
from tlcore.training.intervals import LEVEL, share_interval

SetMethod = Literal["lac", "aps"]
METHODS: Final[tuple[SetMethod, ...]] = ("lac", "aps")
CONFIDENCE: Final = 0.9


@dataclass(frozen=True)
class PredictionSets:
    """Prediction sets of one network, for every confidence and both methods."""

    lac: np.ndarray  # float64 (n,): the validation images' scores, ascending
    aps: np.ndarray

    def threshold(self, confidence: float = CONFIDENCE, method: SetMethod = "lac") -> float:
        """The largest score in a set; infinite where there are too few validation images. Raises `SpecError`."""
        if method not in METHODS:
            raise SpecError(f"There is no prediction set named {method!r}.", next_step=f"Choose one of: {', '.join(METHODS)}.")
        return rank_score(getattr(self, method), confidence)

    def of(
        self, probabilities: np.ndarray, confidence: float = CONFIDENCE, method: SetMethod = "lac", *, bare: bool = False
    ) -> np.ndarray:
        """bool (N, C): the classes in the set of each image, given its calibrated probabilities (N, C).

        The most probable class is always in, unless the `bare` sets are asked for.
        """
        found = scores(probabilities, method) <= self.threshold(confidence, method)
        if not bare:
            found[np.arange(len(found)), probabilities.argmax(1)] = True
        return found

    def fewest(self, confidence: float) -> int:
        """How many validation images a confidence takes at least: with fewer, every class is in every set."""
        return max(1, math.ceil(1 / (1 - confidence) - 1e-9) - 1)


def fit_sets(probabilities: np.ndarray, labels: np.ndarray) -> PredictionSets:
    """Prediction sets from the calibrated probabilities (n, C) of validation images and their labels (n,).

    That the temperature was fitted on the same images changes no set of two classes by `lac`, whose order of scores it keeps,
    and others by an amount that shrinks as 1 / n: it is one number.
    """
    rows = np.arange(len(labels))
    return PredictionSets(*(np.sort(scores(probabilities, method)[rows, labels]) for method in METHODS))


def scores(probabilities: np.ndarray, method: SetMethod) -> np.ndarray:
    """How little each class suits each image: float64 (N, C)."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if method == "lac":
        return 1 - probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, 1)
    before = np.cumsum(ranked, 1) - ranked
    found = np.empty_like(before)
    np.put_along_axis(found, order, before, 1)
    found[np.arange(len(found)), order[:, 0]] = 0.0  # exactly, whatever the rounding
    return found


def rank_score(ascending: np.ndarray, confidence: float) -> float:
    """The score of rank ceil((n + 1) confidence) of `ascending` (n,); infinite where there is no such rank.

    A new score that came about like these is at most that with a probability of at least `confidence`.
    """
    if not 0 < confidence < 1:
        raise SpecError(
            f"A confidence is a number between 0 and 1, not {confidence!r}.", next_step="Ask for 0.9, or another one below 1."
        )
    rank = math.ceil((len(ascending) + 1) * confidence - 1e-9)  # (n + 1) 0.9 may be a hair above a whole number
    return float(ascending[rank - 1]) if rank <= len(ascending) else math.inf


def coverage(
    sets: PredictionSets,
    probabilities: np.ndarray,
    labels: np.ndarray,
    *,
    confidence: float = CONFIDENCE,
    method: SetMethod = "lac",
    clusters: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """How often the true class is in the set on the test split (N images), beside the promise.

    {promise, method, n, calibrated_on, threshold (null: every class is in), covered METRIC, kept (the promise lies not above
    `covered`'s interval), size (classes in a set, on average), single (share of sets of one class), exact {covered METRIC,
    empty (share of sets), expected [from, to]}}. `exact` is of the bare sets; `expected` is where the covered share of N
    images lies with 95 % probability if the promise holds to the letter, the threshold's own chance counted (its coverage is
    Beta-distributed, Vovk 2012); null over clusters, whose images are not independent.
    """
    rows = np.arange(len(labels))
    whole = sets.of(probabilities, confidence, method)
    bare = sets.of(probabilities, confidence, method, bare=True)
    covered = share_interval(whole[rows, labels], seed=seed, clusters=clusters)
    threshold = sets.threshold(confidence, method)
    return {
        "promise": confidence,
        "method": method,
        "n": len(labels),
        "calibrated_on": len(sets.lac),
        "threshold": threshold if math.isfinite(threshold) else None,
        "covered": covered,
        "kept": bool(covered["high"] is None or covered["high"] >= confidence),
        "size": float(whole.sum(1).mean()) if len(labels) else None,
        "single": float((whole.sum(1) == 1).mean()) if len(labels) else None,
        "exact": {
            "covered": share_interval(bare[rows, labels], seed=seed, clusters=clusters),
            "empty": float((~bare.any(1)).mean()) if len(labels) else None,
            "expected": None if clusters is not None else expected_coverage(len(sets.lac), len(labels), confidence),
        },
    }


def expected_coverage(calibrated_on: int, images: int, confidence: float) -> list[float] | None:
    """The middle 95 % of the share of `images` covered by bare sets, where no two scores are equal; None without images.

    The threshold has the rank k of n scores, so what it covers is distributed as Beta(k, n + 1 - k), and how many of N images
    are covered as a beta-binomial.
    """
    if not images:
        return None
    rank = math.ceil((calibrated_on + 1) * confidence - 1e-9)
    if rank > calibrated_on:
        return [1.0, 1.0]
    a, b = rank, calibrated_on + 1 - rank
    hits = np.arange(images + 1)
    ways = gammaln(images + 1) - gammaln(hits + 1) - gammaln(images - hits + 1)
    below = np.cumsum(np.exp(ways + betaln(hits + a, images - hits + b) - betaln(a, b)))
    low, high = (int(np.searchsorted(below, share)) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return [low / images, min(high, images) / images]
