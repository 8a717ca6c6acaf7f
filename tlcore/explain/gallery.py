"""Which images are worth a look: surely right, surely wrong, unsure, and answered otherwise since the network was unfrozen.

NumPy alone. Among equals the image that comes first in the split wins, so the same answers give the same galleries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tlcore.errors import SpecError, UnknownName

CLASS: Final = "class"
TITLES: Final = {
    "right": "Surely right",
    "wrong": "Surely wrong",
    "unsure": "Least certain",
    "changed": "Changed by the training",
}
SENTENCES: Final = {
    "right": "The truth is named with the highest probabilities; the classes take turns.",
    "wrong": "Another class is named, with the highest probabilities: what a person should check first.",
    "unsure": "The two likeliest classes are closest to each other.",
    "changed": "Answered otherwise than by a probe of the network as it started, and most decidedly so.",
}


def galleries(
    probabilities: np.ndarray, labels: np.ndarray, *, each: int, before: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Rows of at most `each` images for each gallery, the most telling first; a gallery may be empty.

    `probabilities` float (N, C) are the network's, `labels` int (N,) the truth, `before` (N, C) what a probe of the start
    answered; without it there is no gallery of what changed.
    """
    answers, sure = probabilities.argmax(1), probabilities.max(1)
    right = answers == labels
    second = np.sort(probabilities, axis=1)[:, -2]
    found = {
        "right": _in_turns(_largest(sure, right), labels)[:each],
        "wrong": _largest(sure, ~right)[:each],
        "unsure": _largest(second - sure, np.ones(len(labels), bool))[:each],
    }
    if before is not None:
        rows = np.arange(len(labels))
        moved = probabilities[rows, answers] - before[rows, answers]
        found["changed"] = _largest(moved, before.argmax(1) != answers)[:each]
    return found


def eligible(
    only: Sequence[str],
    labels: np.ndarray,
    ids: Sequence[str],
    *,
    classes: Sequence[str],
    columns: Mapping[str, Mapping[str, str]],
) -> np.ndarray:
    """The rows of a split that `only` leaves: of "class=NAME" and "COLUMN=VALUE", any of one column's and one of each column.

    `columns` are what `metadata` tells. Raises `UnknownName` for a column or a value that is none, `SpecError` where no
    image is left.
    """
    known = columns | {CLASS: {one: classes[label] for one, label in zip(ids, labels, strict=True)}}
    wanted: dict[str, set[str]] = {}
    for pair in only:
        column, _, value = pair.partition("=")
        if column not in known:
            raise UnknownName("column of metadata", column, [*known])
        values = classes if column == CLASS else sorted(set(known[column].values()))
        if value not in values:
            raise UnknownName(f"value of {column!r}", value, values)
        wanted.setdefault(column, set()).add(value)
    rows = np.array([all(known[name].get(one) in those for name, those in wanted.items()) for one in ids], dtype=bool)
    if not rows.any():
        raise SpecError(f"No image is {' and '.join(only)}.", next_step="Ask for fewer things at once.")
    return np.flatnonzero(rows)


def _largest(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The rows that `among` marks, by falling value."""
    rows = np.flatnonzero(among)
    return rows[np.argsort(-values[rows], kind="stable")]


def _in_turns(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """`rows` with the first of each class ahead of the second of any."""
    seen: dict[int, int] = {}
    turn = []
    for label in labels[rows]:
        turn.append(seen.get(int(label), 0))
        seen[int(label)] = turn[-1] + 1
    return rows[np.argsort(turn, kind="stable")]
