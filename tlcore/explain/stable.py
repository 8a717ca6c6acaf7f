"""Do maps hold still where nothing that matters changed? Small shifts and a little noise.

A picture is moved by a few pixels, its edge rows carried on, and its map is moved back before it is compared, on the part that
both show. Or every pixel gets normal noise of its own. The class explained stays the one that the untouched picture was
explained for. How often the answer stays is told beside it: a map may rightly change where the answer does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from tlcore.explain.grid import enlarged
from tlcore.explain.maps import Maps, explain
from tlcore.explain.places import Place
from tlcore.explain.similarity import similarity
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.training.intervals import share_interval
from tlcore.training.machine import Machine

SHIFTS: Final = (1 / 64, 1 / 32)  # of the side: 2 and 4 pixels at 128, 3.5 and 7 at 224
NOISES: Final = (0.02, 0.05)  # standard deviation, of the range from black to white
_DIRECTIONS: Final = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


def stability(
    network: Network,
    machine: Machine,
    images: np.ndarray,
    *,
    method: str = "gradcam",
    place: str | Place | None = None,
    targets: np.ndarray | None = None,
    against: np.ndarray | None = None,
    seed: int = 0,
    clusters: Sequence[str] | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """How alike the maps of pictures, uint8 (N, S, S, 3), are before and after small changes: a row for each kind and size.

    A row is {kind: "shift" or "noise", size (pixels, or standard deviation in gray levels), spearman, ssim: METRIC over the
    images, images, silent, same_answer: METRIC}. Each picture is shifted in one of eight directions, drawn by `seed`.
    """
    size = images.shape[1]
    original = explain(network, machine, images, method=method, place=place, targets=targets, against=against)
    at_size = enlarged(original.values, size)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 19]))
    ways = np.array(_DIRECTIONS)[rng.integers(0, len(_DIRECTIONS), len(images))]
    steps = sorted({max(1, round(shift * size)) for shift in SHIFTS})
    rows: list[dict[str, Any]] = []

    def compare(kind: str, amount: float, changed: np.ndarray, step: int) -> None:
        maps = explain(
            network, machine, changed, method=method, place=original.place, targets=original.targets, against=against
        )
        back = moved(enlarged(maps.values, size), -step * ways)
        alike = similarity(_inner(at_size, step), _inner(back, step), seed=seed, clusters=clusters)
        same = share_interval(_answers(maps) == _answers(original), seed=seed, clusters=clusters)
        rows.append({"kind": kind, "size": amount, **alike, "same_answer": same})
        progress("Moving the pictures a little", len(rows), len(steps) + len(NOISES), "changes")

    for step in steps:
        compare("shift", step, moved(images, step * ways), step)
    for spread in NOISES:
        noise = rng.normal(0, 255 * spread, images.shape).astype(np.float32)
        compare("noise", 255 * spread, np.clip(np.rint(images + noise), 0, 255).astype(np.uint8), 0)
    return rows


def moved(pictures: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Pictures or maps (N, S, S, ...) moved `by` (N, 2) pixels down and to the right; the edge is carried on."""
    size = pictures.shape[1]
    result = np.empty_like(pictures)
    for i, (down, right) in enumerate(by):
        rows, columns = (np.clip(np.arange(size) - step, 0, size - 1) for step in (down, right))
        result[i] = pictures[i][np.ix_(rows, columns)]
    return result


def _inner(maps: np.ndarray, rim: int) -> np.ndarray:
    """What is left without `rim` pixels on each side."""
    return maps[:, rim : maps.shape[1] - rim, rim : maps.shape[2] - rim]


def _answers(maps: Maps) -> np.ndarray:
    return maps.logits.argmax(1)
