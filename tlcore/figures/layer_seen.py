"""What a layer sees, in sentences: how its filters, the images that excite its channels, and its places differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlcore.figures.words import count, listing, percent, times


def source_title(source: str) -> str:
    """What people call the weights of a source: "pretrained", "random", or a run's id."""
    return {"pretrained": "Pretrained", "random": "Random weights"}.get(source, f"Run {source[-4:]}")


def filters_reading(
    before: np.ndarray, after: np.ndarray | None, titles: Sequence[str], *, patches: bool, everything: int
) -> str:
    """How many filters there are, of what size, and how far they moved from a network to one that was trained from it."""
    shown, rows, columns, _ = before.shape
    kind = "patch" if patches else "filter"
    some = f"All {count(everything)}" if shown == everything else f"{count(shown)} of {count(everything)}, evenly spaced,"
    first = f"{some} {kind} weights of {rows} × {columns} pixels; gray is 0."
    if after is None:
        return first
    size = float(np.linalg.norm(before))
    moved = np.linalg.norm((after - before).reshape(shown, -1), axis=1)
    if not moved.any():
        return f"{first} They are the same in both, to the last digit."
    change = float(np.linalg.norm(moved)) / size if size else math.inf
    most = int(moved.argmax())
    share = float(moved[most] ** 2 / (moved**2).sum())
    return (
        f"{first} From {titles[0]} to {titles[1]} they change by {percent(change, 2)} of their size, "
        f"{percent(share, 0)} of which (in squares) is in one, number {most + 1} in the picture."
    )


@dataclass(frozen=True)
class Change:
    """How many of its images a channel shares between two networks."""

    shared: np.ndarray  # int (C,)
    kept: int  # images of a channel
    chance: float  # shared on average by two lists drawn at random


def change(before: np.ndarray, after: np.ndarray, looked_at: int) -> Change:
    """Compare two networks' lists of images (C, K), channel by channel; `looked_at` images could have been in them."""
    kept = before.shape[1]
    shared = np.array([len(np.intersect1d(*pair)) for pair in zip(before, after, strict=True)])
    return Change(shared, kept, kept * kept / looked_at)


def pure(images: np.ndarray, labels: np.ndarray, alive: np.ndarray) -> tuple[int, int, float]:
    """Of how many channels all K images are of one class, of how many channels, and how many of them chance would make pure.

    `images` (C, K) are places in `labels` (N,). Chance draws K of the N images without putting back.
    """
    kept = images.shape[1]
    listed = labels[images[alive]]
    same = int((listed == listed[:, :1]).all(1).sum())
    ways = math.comb(len(labels), kept)
    expected = sum(math.comb(int(number), kept) for number in np.bincount(labels)) / ways
    return same, int(alive.sum()), expected * int(alive.sum())


def excited_reading(
    group: str,
    sources: Sequence[tuple[str, np.ndarray, np.ndarray]],
    labels: np.ndarray,
    *,
    related: bool,
) -> str:
    """How many channels are excited by one class alone, against chance, and how far two networks' lists differ.

    `sources` are one or two of (title, images (C, K), alive (C,)). Only of two that are `related`, one being trained from the
    other, is a channel of the same number the same channel.
    """
    sentences = []
    kept = sources[0][1].shape[1]
    if kept > 1 and len(np.unique(labels)) > 1:
        for title, images, alive in sources:
            same, channels, expected = pure(images, labels, alive)
            sentences.append(
                f"{title}: of {times(channels, 'channel')} of {group}, {count(same)} have all {kept} images from one class; "
                f"{_by_chance(expected)} would by chance."
            )
    silent = [(title, int((~alive).sum())) for title, _, alive in sources if not alive.all()]
    if silent:
        told = listing([f"{times(number, 'channel')} ({title})" for title, number in silent])
        sentences.append(f"The same answer to every image: {told}.")
    if len(sources) == 2 and related:
        (_, before, alive), (_, after, living) = sources
        both = alive & living
        found = change(before[both], after[both], len(labels))
        if len(found.shared):
            none = int((found.shared == 0).sum())
            sentences.append(
                f"A channel's two lists share {found.shared.mean():.1f} of {kept} images on average, where chance gives "
                f"{found.chance:.2g}; of {times(len(found.shared), 'channel')}, {count(none)} share none."
            )
    return " ".join(sentences)


def _by_chance(expected: float) -> str:
    """0.1304 -> '0.13'; 4.4e-05 -> 'fewer than 0.01'."""
    return "fewer than 0.01" if expected < 0.01 else f"{expected:.3g}"


def colours_reading(titles: Sequence[str], shares: Sequence[Sequence[float]], agreement: float | None, images: int) -> str:
    """How much of what a network holds at its places the colours show, and how far two networks agree."""
    held = listing([f"{percent(sum(own), 0)} ({title})" for title, own in zip(titles, shares, strict=True)])
    over = f"over all {times(images, 'image')}"
    text = f"Red, green and blue are the three main directions of a place's channels {over}: they hold {held} of the variance."
    if agreement is not None:
        text += f" Turned to each other, the two agree to {percent(agreement, 0)}."
    return text
