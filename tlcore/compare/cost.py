"""What a comparison will cost before it is started: runs that are there, runs to come, and the time they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tlcore.compare.expand import MEASURED_EPOCHS
from tlcore.compare.known import KnownRuns, identity, made_with
from tlcore.compare.pace import Paces, Source, measure_spec
from tlcore.compare.spec import Cell, CompareSpec
from tlcore.data.card import DatasetCard
from tlcore.made_with import made_how
from tlcore.spec import MeasureSpec, RunSpec


@dataclass(frozen=True)
class Cost:
    """Counts of runs, and the seconds of those whose pace is known.

    `unknown` has one spec for each pace nobody knows; `again` says of each run to come that was done before how it was made.
    """

    runs: int
    done: int
    on_the_way: int
    seconds: float
    timed: int  # runs to come whose pace is known
    sources: tuple[Source, ...]  # where the paces come from
    unknown: tuple[RunSpec, ...]
    again: tuple[str, ...] = ()

    @property
    def to_run(self) -> int:
        return self.runs - self.done - self.on_the_way


def cost(spec: CompareSpec, cells: Sequence[Cell], known: KnownRuns, paces: Paces) -> Cost:
    """Add up what the cells cost that nobody has run yet, and nobody is about to."""
    done = on_the_way = timed = 0
    seconds = 0.0
    sources: dict[Source, None] = {}
    unknown: dict[str, RunSpec] = {}
    again: list[str] = []
    for cell in cells:
        run = spec.run_of(cell)
        there = known.find(run)
        if there is not None:
            done, on_the_way = done + (there.state == "done"), on_the_way + (there.state != "done")
            continue
        if (old := known.outdated(run)) is not None:
            again.append(made_how(made_with(old.run)))
        pace = paces.of(run)
        if pace is None:
            unknown.setdefault(identity(run.model_copy(update={"seed": 0})), run)
        else:
            timed, seconds = timed + 1, seconds + pace.seconds(cell.epochs)
            sources[pace.source] = None
    return Cost(len(cells), done, on_the_way, seconds, timed, tuple(sources), tuple(unknown.values()), tuple(again))


def to_measure(specs: Iterable[RunSpec], cards: Mapping[str, DatasetCard], known: KnownRuns) -> list[MeasureSpec]:
    """The measurements that would tell the pace of these runs, but for those that are there or on their way."""
    wanted = [measure_spec(spec, cards[spec.dataset]) for spec in specs]
    return [one for one in wanted if one is not None and not _stands(known, one)]


def unpaced(spec: CompareSpec, paces: Paces) -> list[RunSpec]:
    """For a budget in seconds: a run for each strategy and setting whose pace must be measured before it means anything."""
    if spec.budget.unit != "seconds":
        return []
    runs = [
        spec.run_of(Cell(setting, name, spec.seeds[0], MEASURED_EPOCHS)) for setting in spec.settings for name in spec.names
    ]
    return [run for run in runs if paces.of(run) is None]


def _stands(known: KnownRuns, spec: MeasureSpec) -> bool:
    run = known.measurement(spec)
    return run is not None and run.status().state in ("queued", "running", "done")
