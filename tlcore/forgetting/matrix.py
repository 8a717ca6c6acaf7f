"""The matrix of a chain of tasks, and the measures of the field on it. NumPy alone.

R[i, j] is the accuracy on task j after the tasks up to i were learned; b_j that on task j before any was. With T tasks,
counted from 1 in the formulae and from 0 in the code:

    ACC  = 1/T     sum over j       of R[T, j]                                (Lopez-Paz & Ranzato 2017)
    BWT  = 1/(T-1) sum over j < T   of R[T, j] - R[j, j]                      (Lopez-Paz & Ranzato 2017)
    F    = 1/(T-1) sum over j < T   of max over j <= l < T of R[l, j] - R[T, j]    (Chaudhry et al. 2018)
    FWT  = 1/(T-1) sum over j > 1   of R[j-1, j] - b_j                        (Lopez-Paz & Ranzato 2017)

Chaudhry's maximum goes over every l < T. Here it begins with j: before a task is learned it has no head, and what a probe finds
then (R[j-1, j]) is no knowledge that could be forgotten.

The intervals are over test images alone: each task's images are drawn with replacement, the same draw for all rows, because
the rows were asked the same images, and another draw for each task (percentile bootstrap, 1,000 draws; whole patients where
the data tells whose an image is). They say nothing about another training seed, or another order of the tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tlcore.training.intervals import RESAMPLES, percentile_interval, share_interval

Right = np.ndarray  # bool (N,): which of a task's images are named rightly


@dataclass(frozen=True)
class Formula:
    """A measure as it is shown: its name, what it says, how it is computed, and whose it is."""

    name: str
    sentence: str
    formula: str
    source: str


FORMULAS: Final[dict[str, Formula]] = {
    "acc": Formula(
        "ACC",
        "What is known of all tasks at the end, on average.",
        "ACC = 1/T Σⱼ R[T, j]",
        "Lopez-Paz & Ranzato 2017",
    ),
    "bwt": Formula(
        "BWT",
        "Backward transfer: how much tasks gained after they were learned; below 0 they were forgotten.",
        "BWT = 1/(T − 1) Σ_{j<T} (R[T, j] − R[j, j])",
        "Lopez-Paz & Ranzato 2017",
    ),
    "forgetting": Formula(
        "Forgetting",
        "From the best that a task ever was to what is left of it; below 0 it went on improving.",
        "F = 1/(T − 1) Σ_{j<T} (max_{j≤l<T} R[l, j] − R[T, j])",
        "Chaudhry et al. 2018",
    ),
    "fwt": Formula(
        "FWT",
        "Forward transfer: what the tasks before gave to one that is not learned yet, over the features of the first start.",
        "FWT = 1/(T − 1) Σ_{j>1} (R[j − 1, j] − b_j)",
        "Lopez-Paz & Ranzato 2017",
    ),
}

PROBED: Final = (
    "A task that is not learned yet has no head, so R[j − 1, j] and b_j are those of a linear probe, fitted to the features of "
    "task j's training images: as the network stands, and with the weights that the chain began with."
)
ELSEWHERE: Final = (
    "Avalanche's forgetting is −BWT: it compares with what was known right after learning, Chaudhry's with the best that ever "
    "was, and they are equal where no task improved in between. Avalanche's forward transfer is over randomly drawn weights, "
    "and its accuracy over all tasks counts every image once, ACC every task."
)
ONE_TASK: Final = "One task alone: there is none before or after it."
NOT_ASKED: Final = "Some of its accuracies could not be had."

Measure = Callable[
    [np.ndarray, np.ndarray], np.ndarray
]  # (..., T, T) and (..., T) -> (..., T): what each task adds; NaN: nothing


def by_task_acc(accuracies: np.ndarray, baselines: np.ndarray) -> np.ndarray:
    """R[T, j] of every task."""
    return accuracies[..., -1, :]


def by_task_bwt(accuracies: np.ndarray, baselines: np.ndarray) -> np.ndarray:
    """R[T, j] - R[j, j] of all tasks but the last."""
    return (accuracies[..., -1, :] - np.diagonal(accuracies, axis1=-2, axis2=-1))[..., :-1]


def by_task_forgetting(accuracies: np.ndarray, baselines: np.ndarray) -> np.ndarray:
    """max over j <= l < T of R[l, j], minus R[T, j], of all tasks but the last."""
    count = accuracies.shape[-1]
    known = np.where(np.tri(count, dtype=bool), accuracies, -np.inf)[..., :-1, :-1]
    return known.max(-2, initial=-np.inf) - accuracies[..., -1, :-1]


def by_task_fwt(accuracies: np.ndarray, baselines: np.ndarray) -> np.ndarray:
    """R[j-1, j] - b_j of all tasks but the first."""
    return np.diagonal(accuracies, offset=1, axis1=-2, axis2=-1) - baselines[..., 1:]


MEASURES: Final[dict[str, Measure]] = {
    "acc": by_task_acc,
    "bwt": by_task_bwt,
    "forgetting": by_task_forgetting,
    "fwt": by_task_fwt,
}


def measured(accuracies: np.ndarray, baselines: np.ndarray | None = None) -> dict[str, float | None]:
    """ACC, BWT, forgetting and FWT of R (T, T); None where one is undefined. What is not known is NaN in R."""
    values = np.asarray(accuracies, dtype=float)
    before = np.full(len(values), np.nan) if baselines is None else np.asarray(baselines, dtype=float)
    found = {name: measure(values, before) for name, measure in MEASURES.items()}
    return {name: float(parts.mean()) if parts.size and np.isfinite(parts).all() else None for name, parts in found.items()}


def matrix_result(
    right: Mapping[tuple[int, int], Right],
    before: Mapping[int, Right],
    *,
    tasks: Sequence[str],
    clusters: Sequence[Sequence[str] | None],
    seed: int,
) -> dict[str, Any]:
    """The matrix as a result: {tasks, R, cells, baselines, acc, bwt, forgetting, fwt, by_task, notes} (tlcore/README.md).

    `right[i, j]` says which of task j's test images are named rightly after task i, `before[j]` which before any task; the
    same images in the same order wherever j is the same, and whose they are in `clusters[j]` (None: each for itself).
    """
    count = len(tasks)
    columns = [_Column(j, count, right, before.get(j), clusters[j], seed) for j in range(count)]
    values = np.stack([column.values for column in columns], axis=-1)  # (T + 1, T): the baselines are the last row
    drawn = np.stack([column.drawn for column in columns], axis=-1)  # (1000, T + 1, T)
    found = measured(values[:-1], values[-1])
    cells = [[columns[j].cell(i) for j in range(count)] for i in range(count + 1)]
    result: dict[str, Any] = {
        "tasks": list(tasks),
        "R": [[None if cell is None else cell["value"] for cell in row] for row in cells[:-1]],
        "cells": cells[:-1],
        "baselines": cells[-1],
        "by_task": {},
    }
    for name, measure in MEASURES.items():
        parts, draws = measure(values[:-1], values[-1]), measure(drawn[:, :-1], drawn[:, -1])
        why = ONE_TASK if count == 1 and name != "acc" else NOT_ASKED
        result[name] = undefined(why) if found[name] is None else percentile_interval(found[name], draws.mean(-1))
        of_each = [_told(float(part), draws[:, k]) for k, part in enumerate(parts)]
        first = [undefined("Nothing was learned before it.")] if name == "fwt" else []
        last = [undefined("Nothing was learned after it.")] if name in ("bwt", "forgetting") else []
        result["by_task"][name] = first + of_each + last
    return result | {"notes": [PROBED, ELSEWHERE] if count > 1 else []}


def _told(value: float, draws: np.ndarray) -> dict[str, Any]:
    return percentile_interval(value, draws) if np.isfinite(value) else undefined(NOT_ASKED)


def undefined(reason: str) -> dict[str, Any]:
    """A metric without a value."""
    return {"value": None, "low": None, "high": None, "method": None, "reason": reason}


class _Column:
    """One task: its accuracy in every row, and in every resample of its images."""

    def __init__(
        self,
        task: int,
        count: int,
        right: Mapping[tuple[int, int], Right],
        before: Right | None,
        clusters: Sequence[str] | None,
        seed: int,
    ) -> None:
        self._task, self._clusters, self._seed = task, clusters, seed
        rows = [right.get((i, task)) for i in range(count)] + [before]
        self._rows = rows
        self.values = np.array([np.nan if row is None else row.mean() for row in rows])
        images = next((len(row) for row in rows if row is not None), 0)
        self.drawn = np.full((RESAMPLES, count + 1), np.nan)
        if images:
            table = np.stack([np.full(images, np.nan) if row is None else row.astype(float) for row in rows])
            self.drawn = resampled_means(table, clusters, np.random.default_rng(np.random.SeedSequence([seed, 29, task])))

    def cell(self, row: int) -> dict[str, Any] | None:
        """The accuracy in a row, with its interval and how it was asked: by the task's own head, or by a probe."""
        right = self._rows[row]
        if right is None:
            return None
        learned = self._task <= row < len(self._rows) - 1
        found = share_interval(right, seed=self._seed, clusters=self._clusters)
        return found | {"how": "head" if learned else "probe", "images": len(right)}


def resampled_means(table: np.ndarray, clusters: Sequence[str] | None, rng: np.random.Generator) -> np.ndarray:
    """The means of the rows of `table` (K, N) in each draw of its columns, whole clusters at once: (1000, K)."""
    images = table.shape[1]
    member = np.arange(images) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    units = int(member.max()) + 1
    sums = np.zeros((units, len(table)))
    np.add.at(sums, member, table.T)
    sizes = np.bincount(member, minlength=units).astype(float)
    drawn = rng.integers(0, units, size=(RESAMPLES, units)) + units * np.arange(RESAMPLES)[:, None]
    times = np.bincount(drawn.ravel(), minlength=RESAMPLES * units).reshape(RESAMPLES, units).astype(float)
    return (times @ sums) / (times @ sizes)[:, None]
