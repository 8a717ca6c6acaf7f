"""How far a dataset's images are from the source's, at each depth: where a network begins to see them as of another kind.

Two measures for each place, each with what chance alone gives:

- The shift (`training/discrepancy.py`): the squared kernel mean discrepancy as a share of what would be the most. Chance is the
  95th percentile of the source's halves against each other.
- The proxy A-distance (Ben-David et al. 2010), 2 (1 - 2 e), e being the error of a linear classifier that tells the two sets
  apart, on images that it has not seen: 0 where it guesses, 2 where it is never wrong. (Departure: the classifier is the ridge
  probe, and e is the mean error of the two kinds, so that unequal numbers of images count alike; e above a half is a half.)
  Chance is its largest value over some ways of dealing the source's own images to two sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tlcore.analysis.probe import probe
from tlcore.analysis.undefined import Undefined, table
from tlcore.progress import Progress, silent
from tlcore.training.discrepancy import discrepancy
from tlcore.training.intervals import resampled

FEWEST = 20  # images of a side: a quarter of them chooses the penalty, a half tests
DEALS = 10  # ways of dealing the source's images to two sets
LEVEL = 0.95


def shift_by_depth(
    source: Mapping[str, np.ndarray], target: Mapping[str, np.ndarray], *, seed: int, progress: Progress = silent
) -> dict[str, dict[str, Any]]:
    """{place: {shift, low, high, floor, a_distance {value, low, high, chance}}} of features (N, D) and (M, D) at each place.

    The intervals are bootstrapped over images, and null where all draws are alike. Raises `Undefined` for fewer than 20 images
    of a side, and for features that are not finite.
    """
    found = {}
    for done, name in enumerate(source):
        progress("Measuring the shift", done, len(source), "groups")
        ours, theirs = table(source[name]), table(target[name])
        fewest = min(len(ours), len(theirs))
        if fewest < FEWEST:
            raise Undefined(f"The shift by depth needs {FEWEST} images of each side, and there are {fewest}.")
        found[name] = asdict(discrepancy(ours, theirs, seed=seed)) | {"a_distance": a_distance(ours, theirs, seed=seed)}
    progress("Measuring the shift", len(source), len(source), "groups")
    return found


def in_words(shift: Mapping[str, Mapping[str, Any]], groups: Sequence[str]) -> str:
    """What the kernel distance says of the `groups` that `shift_by_depth` measured, as evidence beside a recommended level."""
    found = {name: shift[name] for name in groups}
    beyond = [name for name, one in found.items() if one["low"] > one["floor"]]
    if not beyond:
        return "At no group are these images further from everyday photographs than chance gives."
    most = max(found, key=lambda name: found[name]["shift"])
    where = "every group" if len(beyond) == len(found) else f"{len(beyond)} of {len(found)} groups, first at {beyond[0]}"
    one = found[most]
    return (
        f"These images differ from everyday photographs, which the weights learned from, by more than chance at {where}; most "
        f"at {most}, a kernel distance (MMD) of {one['shift']:.2f} of 1 ({one['low']:.2f} to {one['high']:.2f}, by chance "
        f"{one['floor']:.2f}). That alone decides no level: the probe does."
    )


def a_distance(source: np.ndarray, target: np.ndarray, *, seed: int) -> dict[str, float | None]:
    """{value, low, high, chance}: the proxy A-distance of two sets of features (N, D) and (M, D), 0 to 2."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 19]))
    said, kinds = _told_apart(source, target, rng)
    draws = resampled(said, kinds, seed, None)["balanced_accuracy"]
    low, high = (_distance(share) for share in np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    chance = 0.0
    for _ in range(DEALS):
        one, other = np.array_split(rng.permutation(source), 2)
        chance = max(chance, _distance(_share_right(*_told_apart(one, other, rng))))
    ends = {"low": low, "high": high} if low < high else {"low": None, "high": None}
    return {"value": _distance(_share_right(said, kinds)), **ends, "chance": chance}


def _told_apart(source: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What a probe says of which kind half of the images are (N, 2), and which they are (N,), 0 being the source."""
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for rows in (source, target):
        order = rng.permutation(len(rows))
        for part, chosen in zip(parts, np.split(order, [len(rows) // 4, len(rows) // 2]), strict=True):
            part.append(rows[chosen])
    val, train, test = ((np.concatenate(part), np.repeat([0, 1], [len(rows) for rows in part])) for part in parts)
    return probe(*_evened(*train), *_evened(*val), test[0], classes=2).probabilities, test[1]


def _evened(rows: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As many rows of the one kind as of the other: the smaller kind's over again."""
    most = np.bincount(kinds).max()
    chosen = np.concatenate([np.resize(np.flatnonzero(kinds == kind), most) for kind in (0, 1)])
    return rows[chosen], kinds[chosen]


def _share_right(said: np.ndarray, kinds: np.ndarray) -> float:
    """The mean over both kinds of the share that is named rightly."""
    return float(np.mean([(said[kinds == kind].argmax(1) == kind).mean() for kind in (0, 1)]))


def _distance(right: float) -> float:
    """2 (1 - 2 e) of the share that is right, 1 - e."""
    return float(2 * (2 * max(right, 0.5) - 1))
