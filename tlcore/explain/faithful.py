"""Does the answer hang on what a map points at? Deletion and insertion curves (Petsiuk et al. 2018).

Pixels are taken away in the order of a map, the strongest first, and the probability of the target is watched: the sooner it
falls, the better the map (a small area under the deletion curve). Or they are put in: the sooner it rises, the better (a large
area).

- What is taken away becomes a strong blur of the same picture, in both directions. A flat gray or the dataset's mean would draw
  hard edges, which networks answer to by themselves, and the mean of X-rays taken in one pose is an X-ray with lungs. What of a
  class survives the blur shows: the curves begin and end at the same two answers, and `blurred` says which.
- An area alone says little: it hangs on how sure the network is. So each picture is also asked in two orders that know
  nothing of the network: a random one of the same grain as the map (cells of its own grid, enlarged alike, since scattered
  single pixels would destroy texture everywhere at once and beat no one fairly), and from the middle outwards. Differences are
  taken picture by picture.
- A map without any order (the same everywhere) has no curve. It is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.ndimage import gaussian_filter

from tlcore.errors import SpecError
from tlcore.explain.grid import enlarged
from tlcore.explain.inside import centre_blob
from tlcore.progress import Progress, silent
from tlcore.training.intervals import mean_interval

Answer = Callable[[np.ndarray], np.ndarray]  # uint8 (B, S, S, 3) -> probabilities (B, classes), in batches of its own

ORDERS: Final = ("map", "random", "centre")
STEPS: Final = 20
BLUR: Final = 0.1  # of the side: the standard deviation of the blur
_AT_ONCE: Final = 64 << 20  # bytes of changed pictures that are made before they are answered


@dataclass(frozen=True)
class Curves:
    """The probability of the target after each step, for every order, of pictures whose maps have one."""

    fractions: np.ndarray  # (K + 1,): which share of the pixels has been changed, from 0 to 1
    deletion: Mapping[str, np.ndarray]  # order -> float64 (N, K + 1), from the picture to its blur; NaN where silent
    insertion: Mapping[str, np.ndarray]  # from the blur to the picture
    silent: np.ndarray  # bool (N,): maps that are the same everywhere have no order
    of_two: bool = False  # whether it is the target's share of its probability and of that of the class it is held against

    def areas(self, direction: str, order: str) -> np.ndarray:
        """The area under each picture's curve by the trapezoid rule: float64 (N,), 0 to 1."""
        curves = {"deletion": self.deletion, "insertion": self.insertion}[direction][order]
        return np.trapezoid(curves, self.fractions, axis=1)

    def summary(self, *, seed: int, clusters: Sequence[str] | None = None) -> dict[str, Any]:
        """Areas and paired differences with 95 % intervals (bootstrap; of `clusters` whole ones), as a result keeps them.

        {images, silent, of_two, fractions, whole and blurred (mean answers at the ends), deletion and insertion {map, random,
        centre: METRIC of the area; less_random, less_centre: METRIC of the map's area less theirs; curves {order: [mean]}}}
        """
        kept = ~self.silent
        owners = None if clusters is None else [owner for owner, keep in zip(clusters, kept, strict=True) if keep]

        def mean(values: np.ndarray) -> dict[str, Any]:
            return mean_interval(values[kept], seed=seed, clusters=owners)

        def direction(name: str, curves: Mapping[str, np.ndarray]) -> dict[str, Any]:
            areas = {order: self.areas(name, order) for order in ORDERS}
            return {
                **{order: mean(areas[order]) for order in ORDERS},
                **{f"less_{other}": mean(areas["map"] - areas[other]) for other in ("random", "centre")},
                "curves": {order: curves[order][kept].mean(0).tolist() if kept.any() else None for order in ORDERS},
            }

        ends = self.deletion["map"][kept][:, [0, -1]].mean(0) if kept.any() else (None, None)
        return {
            "images": int(kept.sum()),
            "silent": int(self.silent.sum()),
            "of_two": self.of_two,
            "fractions": self.fractions.tolist(),
            "whole": None if ends[0] is None else float(ends[0]),
            "blurred": None if ends[1] is None else float(ends[1]),
            "deletion": direction("deletion", self.deletion),
            "insertion": direction("insertion", self.insertion),
        }


def deletion_insertion(
    answer: Answer,
    images: np.ndarray,
    maps: np.ndarray,
    targets: np.ndarray,
    *,
    against: np.ndarray | None = None,
    steps: int = STEPS,
    seed: int = 0,
    progress: Progress = silent,
) -> Curves:
    """The curves of every picture, uint8 (N, S, S, 3), in the order of its map (N, h, w), for the class `targets` (N,).

    `answer` is asked for 2 + 6 (steps - 1) versions of each picture, many at a time. `seed` draws the random orders, which also
    settle what a map leaves equal. With a class that each target is held `against` (N,), what is watched is the target's share
    of the two probabilities: what the network would answer if there were no other classes. Raises `SpecError`.
    """
    _check(images, maps, targets, steps)
    silent_maps = np.ptp(maps.reshape(len(maps), -1), axis=1) == 0
    curves = {way: {order: np.full((len(images), steps + 1), np.nan) for order in ORDERS} for way in ("deletion", "insertion")}
    size = images.shape[1]
    versions = 2 + 2 * len(ORDERS) * (steps - 1)
    together = max(1, _AT_ONCE // (versions * size * size * 3))
    spoken = np.flatnonzero(~silent_maps)
    for first in range(0, len(spoken), together):
        rows = spoken[first : first + together]
        asked = np.stack([v for i in rows for v in _versions(images[i], _orders(maps[i], size, seed, int(i)), steps)])
        answers = answer(asked).reshape(len(rows), versions, -1)
        for i, of_one in zip(rows, answers, strict=True):
            _place(curves, i, _watched(of_one, targets[i], None if against is None else against[i]), steps)
        progress("Taking away what the maps point at", min(first + together, len(spoken)), len(spoken), "images")
    return Curves(
        np.arange(steps + 1) / steps, curves["deletion"], curves["insertion"], silent_maps, of_two=against is not None
    )


def _watched(answers: np.ndarray, target: int, against: int | None) -> np.ndarray:
    """The target's probability (V,) in the answers (V, C) to a picture's versions, or its share of two classes'."""
    if against is None:
        return answers[:, target]
    both = answers[:, target] + answers[:, against]
    return np.divide(answers[:, target], both, out=np.full(len(both), 0.5), where=both > 0)


def blurred(image: np.ndarray) -> np.ndarray:
    """The picture (S, S, 3) without what is finer than a tenth of its side: uint8, its edges carried on outwards."""
    sigma = BLUR * len(image)
    return np.rint(gaussian_filter(image.astype(np.float32), (sigma, sigma, 0), mode="nearest", truncate=3)).astype(np.uint8)


def _orders(values: np.ndarray, size: int, seed: int, place: int) -> list[np.ndarray]:
    """The pixels of one picture, flat, the strongest first, in each of the `ORDERS`."""
    noise = np.random.default_rng(np.random.SeedSequence([seed, 17, place])).random(values.shape, dtype=np.float32)
    grain, own = enlarged(np.stack([noise, values]), size).reshape(2, -1)
    centre = centre_blob(size).reshape(-1)
    return [np.lexsort((grain, -own)), np.argsort(-grain, kind="stable"), np.argsort(-centre, kind="stable")]


def _versions(image: np.ndarray, orders: Sequence[np.ndarray], steps: int) -> Iterator[np.ndarray]:
    """The picture, its blur, and for each order what lies between on the way there and, by the same order, back."""
    base = blurred(image)
    yield image
    yield base
    pixels = image.shape[0] * image.shape[1]
    for order in orders:
        for there, back in ((image, base), (base, image)):
            changed = there.reshape(pixels, 3).copy()
            for step in range(1, steps):
                part = order[pixels * (step - 1) // steps : pixels * step // steps]
                changed[part] = back.reshape(pixels, 3)[part]
                yield changed.reshape(image.shape).copy()


def _place(curves: Mapping[str, Mapping[str, np.ndarray]], i: int, answers: np.ndarray, steps: int) -> None:
    """Sort the answers of one picture's versions into its curves."""
    whole, base, between = answers[0], answers[1], answers[2:].reshape(len(ORDERS), 2, steps - 1)
    for order, (deleting, inserting) in zip(ORDERS, between, strict=True):
        curves["deletion"][order][i] = [whole, *deleting, base]
        curves["insertion"][order][i] = [base, *inserting, whole]


def _check(images: np.ndarray, maps: np.ndarray, targets: np.ndarray, steps: int) -> None:
    if images.ndim != 4 or maps.ndim != 3 or not len(images) == len(maps) == len(targets):
        shapes = f"pictures are {images.shape}, maps {maps.shape}, targets {np.shape(targets)}"
        raise SpecError(f"Each picture needs one map and one target: {shapes}.")
    if not np.isfinite(maps).all():
        raise SpecError("A map holds what is no number.", next_step="Ask about a run whose loss stayed finite.")
    if steps < 2:
        raise SpecError(f"Curves take 2 steps or more, not {steps}.")
