"""A chain of tasks: runs of one strategy, each on its own dataset, each from the weights that the one before ended with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tlcore.errors import SpecError
from tlcore.models.ancestry import leaves_weights
from tlcore.runs import Run
from tlcore.spec import RunSpec
from tlcore.strategies.start import FromRun

FEWEST, MOST = 2, 20  # tasks


def task_of(base: RunSpec, dataset: str, after: str | None) -> RunSpec:
    """The spec of a task of a chain: `base` on `dataset`, from where the run `after` ends; None: from its own start.

    It carries probes of the earlier tasks. The strategy keeps its name: where it starts is no part of what the name says.
    """
    if after is None:
        return base.model_copy(update={"dataset": dataset})
    strategy = base.strategy.model_copy(update={"start": FromRun(run_id=after)})
    probes = tuple(dict.fromkeys((*base.source_probes, "earlier-tasks")))
    return base.model_copy(update={"dataset": dataset, "strategy": strategy, "weights": None, "source_probes": probes})


def refuse_chain(base: RunSpec, datasets: Sequence[str]) -> None:
    """Refuse what no chain can be, before anything of it is queued: each task can be refused for reasons of its own.

    Raises `SpecError` for too few or too many tasks, a strategy whose runs cannot be started from, and a table of labels.
    """
    if not FEWEST <= len(datasets) <= MOST:
        raise SpecError(
            f"A chain has {FEWEST} to {MOST} tasks, and {len(datasets)} {'was' if len(datasets) == 1 else 'were'} named.",
            next_step="Name the datasets in the order of their learning, such as chest-xray,traffic-lights,digits.",
        )
    if not leaves_weights(base.strategy):
        raise SpecError(
            "Bottleneck adapters cannot become part of the backbone's weights, so the next task could not start from them.",
            next_step="Choose a strategy that moves the weights themselves, or one with LoRA.",
        )
    if base.labels:
        raise SpecError(
            "A table of labels belongs to one dataset, and a chain has several.",
            next_step="Leave it out: a file named labels.csv in a dataset's folder is found by itself.",
        )


def queue_chain(base: RunSpec, datasets: Sequence[str], submit: Callable[[RunSpec], Run]) -> list[Run]:
    """Queue the runs of a chain, the first task's first; each waits for the one before it. `submit` is an engine's."""
    runs: list[Run] = []
    for dataset in datasets:
        runs.append(submit(task_of(base, dataset, runs[-1].id if runs else None)))
    return runs
