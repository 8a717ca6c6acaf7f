"""Which networks are laid side by side: a run's, as it started, at its epochs, and other runs of the same classes. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tlcore.errors import RunNotFound, SpecError
from tlcore.runs import Run, finished_training
from tlcore.spec import ExplainSpec, RunSpec

RUN, START = "run", "start"
FORMAT = 2  # of an explanation's result, raised when its keys change: what was told otherwise is asked again


@dataclass(frozen=True)
class Look:
    """One network to ask."""

    key: str  # run, start, epoch:3, run:RUN_ID
    title: str
    run: Run
    spec: RunSpec
    classes: tuple[str, ...]
    epoch: int | None = None  # from 1

    @property
    def is_start(self) -> bool:
        return self.key == START


def looks(spec: ExplainSpec, runs_dir: Path) -> tuple[Look, ...]:
    """The networks that the spec lays side by side, the run's own first. No weights are read.

    Raises `RunNotFound` and `SpecError` where a run is not there or not done, knows other classes, or kept no epochs.
    """
    about, asked, found = finished_training(runs_dir, spec.run_id)
    classes = tuple(found["classes"])
    told = [Look(RUN, _title(about, asked), about, asked, classes)]
    if spec.start:
        told.append(Look(START, _start_title(asked), about, asked, classes))
    if spec.epochs:
        kept = about.kept_epochs()
        if not kept:
            raise SpecError(
                f"Run {about.id} kept the weights of its best epoch alone.",
                next_step="Train it again with every epoch kept (--keep-epochs), or leave its epochs out.",
            )
        told += [Look(f"epoch:{epoch}", f"After epoch {epoch}", about, asked, classes, epoch) for epoch in kept]
    return (*told, *(_beside(run_id, runs_dir, spec.run_id, classes) for run_id in spec.beside))


def _beside(run_id: str, runs_dir: Path, first: str, classes: tuple[str, ...]) -> Look:
    try:
        run, spec, found = finished_training(runs_dir, run_id)
    except RunNotFound as error:
        raise RunNotFound(
            f"Run {run_id}, which is to be laid beside, is not here any more.",
            next_step="Bring it back on the Runs page (a deleted run is kept for a week), or leave it out.",
        ) from error
    if tuple(found["classes"]) != classes:
        raise SpecError(
            f"Run {run_id} knows other classes than run {first}: {', '.join(found['classes'])}.",
            next_step="Lay runs beside that were trained on the same classes.",
        )
    return Look(f"run:{run.id}", _title(run, spec), run, spec, classes)


def _title(run: Run, spec: RunSpec) -> str:
    return f"Run {run.id[-4:]}: {spec.strategy.name} of {spec.backbone}"


def _start_title(spec: RunSpec) -> str:
    what = {"pretrained": "Pretrained", "random": "Random weights"}.get(
        spec.strategy.start.kind, "The run that it started from"
    )
    return f"{what}, with a linear probe as its head"
