"""Bias carried over: how well a classifier does on each group of images, and how far the groups are apart. NumPy alone.

Groups are the values of a column that training never saw: a diagnosis, a sex, a site. Of each group's test images

    accuracy    the share named rightly
    recall      of each class, the share of its images in the group that is found (equal in all groups: equal opportunity)
    answered    of each class, the share of the group's images that is given this answer (equal: demographic parity)

and a gap is the largest minus the smallest of such a share over the groups. Before is a linear probe on the features of the
weights that the run started from, after is the run itself: so a gap that was there before was carried over by the start or lies
in the images, and one that grew came with the training.

A share has Wilson's interval, over patients the bootstrap's. A gap between two independent shares has Newcombe's (1998, method
10: Wilson's two intervals put together), over patients the bootstrap's. How a gap changed is a paired bootstrap: the same
images are drawn for before and after.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from tlcore.forgetting.matrix import resampled_means, undefined
from tlcore.training.intervals import percentile_interval, share_interval, wilson

Metric = dict[str, Any]  # {value, low, high, method}, and with a null the reason
MOST: Final = 12  # groups of a column
BANDS: Final = 4  # that a column of many numbers is cut into
FEWEST: Final = 10  # images of a share, below which its group is shown and not compared
CHOSEN: Final = (
    "The two groups are named because they are the furthest apart of all: in new images their gap would be a little smaller."
)
ONE_CLASS: Final = "Each group holds images of one class alone, so its accuracy is that class's recall in it."


def grouped(values: Sequence[str | None]) -> tuple[list[str | None], str | None]:
    """The group of each image, and None; or no groups, and a sentence that says why the column makes none.

    Numbers of more than 12 kinds are cut at their quartiles. `values` are a column's for each image, None where it has none.
    """
    counts = Counter(value for value in values if value is not None)
    if len(counts) > MOST:
        numbers = _numbers(values)
        if numbers is None:
            return [], f"It has {len(counts):,} different values, and at most {MOST} groups are compared."
        return _banded(numbers), None
    if len(counts) < 2:
        return [], "All test images have the same value." if counts else "No test image has a value."
    return list(values), None


def column_result(
    groups: Sequence[str | None],
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    before: np.ndarray | None,
    after: np.ndarray,
    clusters: Sequence[str] | None,
    seed: int,
) -> dict[str, Any]:
    """{groups, unknown, before, after, gap, gaps, notes} of one column, as tlcore/README.md says.

    `before` and `after` are the answers (N,) to the same images with the classes `labels` (N,).
    """
    judge = _Judge(np.array(groups, dtype=object), labels, classes, clusters, seed)
    gaps = judge.gaps(before, after)
    notes = [CHOSEN] if len(judge.names) > 2 else []
    if not any(judge.mixed(name) for name in judge.names):
        notes.append(ONE_CLASS)
    small = [name for name in judge.names if (judge.groups == name).sum() < FEWEST]
    if small:
        notes.append(f"Too few images to be compared, below {FEWEST}: {', '.join(small)}.")
    return {
        "groups": judge.names,
        "unknown": int(sum(group is None for group in groups)),
        "before": None if before is None else judge.told(before),
        "after": judge.told(after),
        "gap": gaps["accuracy"],
        "gaps": gaps,
        "notes": notes,
    }


def difference_interval(first: np.ndarray, second: np.ndarray, units: tuple[int, int] | None = None) -> Metric:
    """The difference of two independent shares of right answers, bool (N,) and (M,), by Newcombe 1998, method 10.

    `units` are the numbers of independent draws, where they are fewer than the images.
    """
    shares = float(first.mean()), float(second.mean())
    counts = units or (len(first), len(second))
    (low, high), (other_low, other_high) = (wilson(share, count) for share, count in zip(shares, counts, strict=True))
    apart = shares[0] - shares[1]
    return {
        "value": apart,
        "low": apart - math.hypot(shares[0] - low, other_high - shares[1]),
        "high": apart + math.hypot(high - shares[0], shares[1] - other_low),
        "method": "newcombe",
    }


class _Judge:
    """The groups of one column, and what answers to their images are worth."""

    def __init__(
        self,
        groups: np.ndarray,
        labels: np.ndarray,
        classes: Sequence[str],
        clusters: Sequence[str] | None,
        seed: int,
    ) -> None:
        self.groups = groups
        self.names = sorted({group for group in groups if group is not None}, key=_order)
        self._labels, self._classes, self._seed = labels, classes, seed
        self._clusters = None if clusters is None else np.asarray(clusters)

    def mixed(self, name: str) -> bool:
        """Whether a group holds images of more than one class."""
        return len(set(self._labels[self.groups == name].tolist())) > 1

    def told(self, answers: np.ndarray) -> dict[str, Any]:
        """{GROUP: {images, accuracy, recall {class}, answered {class}}}."""
        found: dict[str, Any] = {}
        for name in self.names:
            within = self.groups == name
            found[name] = {"images": int(within.sum()), "accuracy": self._share(answers == self._labels, within)}
            for place, title in enumerate(self._classes):
                of_class = within & (self._labels == place)
                found[name].setdefault("recall", {})[title] = self._share(answers == place, of_class)
                found[name].setdefault("answered", {})[title] = self._share(answers == place, within)
        return found

    def gaps(self, before: np.ndarray | None, after: np.ndarray) -> dict[str, Any]:
        """The gap of every share: {accuracy, "recall: CLASS", "answered: CLASS"}.

        Without the last ones where a group holds one class alone: how it is answered then says what its recall does.
        """
        everything = np.ones(len(self._labels), dtype=bool)
        found = {"accuracy": self._gap(_right(before, self._labels), after == self._labels, everything)}
        mixed = all(self.mixed(name) for name in self.names)
        for place, title in enumerate(self._classes):
            of_class = self._labels == place
            found[f"recall: {title}"] = self._gap(_right(before, place), after == place, of_class)
            if mixed:
                found[f"answered: {title}"] = self._gap(_right(before, place), after == place, everything)
        return {name: gap for name, gap in found.items() if gap is not None or name == "accuracy"}

    def _gap(self, before: np.ndarray | None, after: np.ndarray, among: np.ndarray) -> dict[str, Any] | None:
        """{highest, lowest, before, after, change} of the shares of the images that the mask `among` picks, by group."""
        masks = {name: among & (self.groups == name) for name in self.names}
        shares = {name: float(after[mask].mean()) for name, mask in masks.items() if mask.sum() >= FEWEST}
        if len(shares) < 2:
            return None
        high, low = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
        if high == low:  # all alike: any two groups show it
            high, low = list(shares)[:2]
        pair = masks[high], masks[low]
        nothing = undefined("Nothing is known of the time before.")
        return {
            "highest": high,
            "lowest": low,
            "before": nothing if before is None else self._apart(before, *pair),
            "after": self._apart(after, *pair),
            "change": nothing if before is None else self._change(before, after, *pair),
        }

    def _apart(self, right: np.ndarray, first: np.ndarray, second: np.ndarray) -> Metric:
        if self._clusters is None:
            return difference_interval(right[first], right[second])
        draws = self._draws(np.stack([right * first, first, right * second, second]))
        found = percentile_interval(float(right[first].mean() - right[second].mean()), _ratio(draws, 0) - _ratio(draws, 2))
        if found["method"]:
            return found
        units = len(set(self._clusters[first])), len(set(self._clusters[second]))
        return difference_interval(right[first], right[second], units)

    def _change(self, before: np.ndarray, after: np.ndarray, first: np.ndarray, second: np.ndarray) -> Metric:
        moved = after.astype(float) - before
        draws = self._draws(np.stack([moved * first, first, moved * second, second]))
        return percentile_interval(float(moved[first].mean() - moved[second].mean()), _ratio(draws, 0) - _ratio(draws, 2))

    def _draws(self, table: np.ndarray) -> np.ndarray:
        clusters = None if self._clusters is None else self._clusters.tolist()
        return resampled_means(table.astype(float), clusters, np.random.default_rng(np.random.SeedSequence([self._seed, 31])))

    def _share(self, right: np.ndarray, among: np.ndarray) -> Metric:
        if not among.any():
            return undefined("There is no such image in this group.")
        clusters = None if self._clusters is None else self._clusters[among].tolist()
        return share_interval(right[among], seed=self._seed, clusters=clusters)


def _right(answers: np.ndarray | None, wanted: np.ndarray | int) -> np.ndarray | None:
    return None if answers is None else answers == wanted


def _ratio(draws: np.ndarray, first: int) -> np.ndarray:
    """Of each draw the share of right answers in a group; NaN where none of it was drawn."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return draws[:, first] / draws[:, first + 1]


def _numbers(values: Sequence[str | None]) -> list[float | None] | None:
    """The values as numbers, None where one is none; None where one is not a number."""
    try:
        found = [None if value is None else float(value) for value in values]
    except ValueError:
        return None
    return found if all(number is None or math.isfinite(number) for number in found) else None


def _banded(numbers: Sequence[float | None]) -> list[str | None]:
    """Each number's band, cut at the quartiles of all: '20 to 39'."""
    known = np.array([number for number in numbers if number is not None])
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BANDS + 1)[1:-1]))
    band = np.searchsorted(edges, known, side="left")
    titles = {place: f"{known[band == place].min():g} to {known[band == place].max():g}" for place in set(band.tolist())}
    found = iter(titles[place] for place in band.tolist())
    return [None if number is None else next(found) for number in numbers]


def _order(name: str) -> tuple[int, float, str]:
    """Bands and numbers by size, words by the alphabet."""
    try:
        return 0, float(name.split(" ")[0]), name
    except ValueError:
        return 1, 0.0, name
