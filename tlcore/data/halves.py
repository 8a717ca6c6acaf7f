"""A dataset's classes in two halves, A and B: drawn by a seed, or two kinds that are far from each other. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tlcore.data.load import Split
from tlcore.errors import SpecError

FEWEST = 2  # classes of a half: with one there is nothing to tell apart
_DRAW = 17  # keeps this stream of chance apart from others


@dataclass(frozen=True)
class Kinds:
    """Two kinds of classes within one dataset that have little in common."""

    a: str
    b: str
    classes_a: tuple[str, ...]  # the others are of kind b


DISTANT: Mapping[str, Kinds] = {
    "cifar10": Kinds("animals", "vehicles", ("bird", "cat", "deer", "dog", "frog", "horse")),
    "fashion-mnist": Kinds(
        "clothes", "shoes and bags", ("t-shirt or top", "trouser", "pullover", "dress", "coat", "shirt")
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Halves:
    """The classes of A and of B by name; `kinds` says what each half is, where it is a kind."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    kinds: tuple[str, str] | None = None


def halves(
    dataset: str, classes: Sequence[str], *, how: Literal["random", "distant"], seed: int, reverse: bool = False
) -> Halves:
    """Share out `classes`, in their own order within each half. `reverse` exchanges the halves; `seed` plays no part in kinds.

    Of an odd number of classes B gets one more. Raises `SpecError` for fewer than four, or where no two kinds are known.
    """
    if how == "distant":
        kinds = distant_kinds(dataset)
        chosen, names = set(kinds.classes_a), (kinds.a, kinds.b)
    else:
        if len(classes) < 2 * FEWEST:
            raise SpecError(
                f"Two halves need {2 * FEWEST} classes or more, and there are {len(classes)} here.",
                next_step="Choose a dataset with more classes.",
            )
        order = np.random.default_rng(np.random.SeedSequence([seed, _DRAW])).permutation(len(classes))
        chosen, names = {classes[i] for i in order[: len(classes) // 2]}, None
    made = Halves(tuple(c for c in classes if c in chosen), tuple(c for c in classes if c not in chosen), names)
    return replace(made, a=made.b, b=made.a, kinds=made.kinds and made.kinds[::-1]) if reverse else made


def distant_kinds(dataset: str) -> Kinds:
    """The two kinds of a catalogued dataset. Raises `SpecError` where none are known."""
    if dataset not in DISTANT:
        raise SpecError(
            "Which of this dataset's classes are far from the others is not known.",
            next_step=f"Choose random halves, or one of: {', '.join(DISTANT)}.",
        )
    return DISTANT[dataset]


def half_of(split: Split, classes: Sequence[str], half: Sequence[str]) -> Split:
    """The pictures of the classes in `half`, labelled by their place in it."""
    place = np.full(len(classes), -1, dtype=np.int64)
    for new, name in enumerate(half):
        place[list(classes).index(name)] = new
    part = split.part(np.flatnonzero(place[split.labels] >= 0))
    return replace(part, labels=place[part.labels])
