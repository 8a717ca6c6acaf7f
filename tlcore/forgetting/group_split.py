"""A finished run split by the columns of its dataset: the answers it gave, and what a linear probe made of its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tlcore.analysis.start_probe import probe_start
from tlcore.data.metadata import metadata
from tlcore.errors import Cancelled, DataError, ThawError
from tlcore.forgetting.groups import column_result, grouped
from tlcore.models.network import Network
from tlcore.runs import Run
from tlcore.spec import RunSpec
from tlcore.training.job import load_data
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter

NO_COLUMNS: Final = (
    "Nothing is told of these images besides their class. A table of labels may have further columns, such as sex or site, and "
    "the run can then be split by them."
)
NO_ANSWERS: Final = "The run's answers to its test images (predictions.npz) are missing."


@dataclass(frozen=True)
class Answers:
    """What a run answered on its test split."""

    answers: np.ndarray  # int (N,)
    labels: np.ndarray  # int64 (N,)
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    clusters: list[str] | None


def groups_of_run(
    run: Run, spec: RunSpec, start: Network | None, machine: Machine, report: Reporter
) -> tuple[dict[str, Any], dict[str, str]]:
    """What `column_result` says of each column of the run's dataset, and of the others why they make no groups, by column.

    `start` is the run's network with the weights that it started from, on the machine; None leaves the time before out. Where
    nothing can be split the reason stands under "groups". Raises `Cancelled`.
    """
    try:
        found = read_answers(run)
        columns = metadata(spec.dataset, labels=spec.labels, image_size=spec.image_size, progress=report.progress)
    except Cancelled:
        raise
    except ThawError as error:
        return {}, {"groups": error.message}
    if not columns:
        return {}, {"groups": NO_COLUMNS}
    placed, why = _placed(columns, found)
    if not placed:
        return {}, why
    before = None
    if start is not None:
        try:
            before = _before(spec, found, start, machine, report)
        except Cancelled:
            raise
        except ThawError as error:
            why["before"] = error.message
    results = {
        name: column_result(
            groups,
            found.labels,
            found.classes,
            before=before,
            after=found.answers,
            clusters=found.clusters,
            seed=spec.seed,
        )
        for name, groups in placed.items()
    }
    return results, why


def read_answers(run: Run) -> Answers:
    """The run's answers to its test images. Raises `DataError` where they are not there."""
    try:
        with np.load(run.path / "predictions.npz") as file:
            clusters = [str(name) for name in file["clusters"]]
            return Answers(
                file["probabilities"].argmax(1),
                file["labels"],
                tuple(str(name) for name in file["ids"]),
                tuple(str(name) for name in file["classes"]),
                clusters or None,
            )
    except (OSError, KeyError, ValueError) as error:
        raise DataError(NO_ANSWERS, next_step="Repeat the run.") from error


def _placed(columns: Mapping[str, Mapping[str, str]], found: Answers) -> tuple[dict[str, list[str | None]], dict[str, str]]:
    """The group of each test image by each column, and of the columns that make none why."""
    placed, why = {}, {}
    for name, values in columns.items():
        groups, reason = grouped([values.get(one) for one in found.ids])
        if reason is None:
            placed[name] = groups
        else:
            why[name] = reason
    return placed, why


def _before(spec: RunSpec, found: Answers, start: Network, machine: Machine, report: Reporter) -> np.ndarray:
    """What a linear probe on the features of the run's start answers to the same test images: int (N,)."""
    data = load_data(spec, report)
    if data.test.ids != found.ids or data.classes != found.classes:
        raise DataError("The dataset is no longer the one that the run was tested on.", next_step="Put its images back.")
    return probe_start(
        start, data, machine, progress=report.progress, what="Looking at the groups before"
    ).probabilities.argmax(1)
