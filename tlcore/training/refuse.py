"""What can be refused before anything is fetched, decoded or written, for each kind of job. No torch for catalogued names."""

from __future__ import annotations

from pathlib import Path

from tlcore import settings
from tlcore.data.catalogue import dataset_card
from tlcore.data.halves import halves
from tlcore.errors import DataError, RunNotFound
from tlcore.models.ancestry import check_start
from tlcore.models.cards import no_map
from tlcore.models.find import find_backbone
from tlcore.runs import finished_training
from tlcore.source_probes.askable import refuse_sources
from tlcore.spec import AnySpec, BlendSpec, CheckSpec, ExplainSpec, ExportSpec, ForgettingSpec, LayersSpec, TransferabilitySpec
from tlcore.strategies import compile_plan
from tlcore.strategies.packages import check_packages
from tlcore.training.pull.refuse import refuse_pull


def refuse_early(spec: AnySpec, runs_dir: Path | None = None) -> None:
    """Refuse a spec that its job would refuse from its names and sizes alone.

    `runs_dir` is where the run that it starts from would be (the setting THAW_RUNS_DIR where None). Besides what follows,
    `RunNotFound` where that run is not there.

    Raises `UnknownName` for a dataset or backbone, `DataError` for a folder that is not there or a dataset that cannot be
    trained on, `SpecError` for groups that do not exist, fewer epochs than phases, a pull that has nothing to pull towards, a
    package that is not installed, an image size that does not suit, classes that cannot be halved, a question about a run that
    is not done, and sources of old knowledge none of which that run has.
    """
    if isinstance(spec, CheckSpec):
        dataset_card(spec.dataset)
        return
    if isinstance(spec, ForgettingSpec | BlendSpec | ExportSpec):
        folder = runs_dir or settings.runs_dir()
        _, about, _ = finished_training(folder, spec.run_id)
        if isinstance(spec, ForgettingSpec):
            refuse_sources(spec, about, folder)
        return
    if isinstance(spec, ExplainSpec):
        for run_id in (spec.run_id, *spec.beside):
            finished_training(runs_dir or settings.runs_dir(), run_id)
        return
    asked = spec.subject
    data = dataset_card(asked.dataset)
    if not data.labelled:
        raise DataError(
            f"{data.title} has no labels, so nothing can be trained on it.",
            next_step="Choose a dataset with classes, or put your images into one folder per class.",
        )
    if data.refusal:
        raise DataError(f"{data.title} cannot be trained on. {data.refusal}", next_step="Choose another dataset.")
    if isinstance(asked, TransferabilitySpec):
        if data.classes or asked.halves == "distant":
            halves(asked.dataset, data.classes, how=asked.halves, seed=asked.seed)
        return
    backbone = find_backbone(asked.backbone)
    groups = backbone.groups_with_head(max(2, len(data.classes)), asked.head)
    plan = compile_plan(asked.strategy, groups, epochs=asked.epochs, lr=asked.lr)
    check_packages(asked.strategy)
    refuse_pull(asked, backbone, plan)
    if isinstance(spec, LayersSpec):
        _refuse_beside(spec, runs_dir or settings.runs_dir())
    for start in (asked, *map(spec.started_from, spec.runs)) if isinstance(spec, LayersSpec) else (asked,):
        check_start(start, backbone, runs_dir or settings.runs_dir(), data.classes)
    if asked.head == "attention" and not backbone.shows_positions:
        raise no_map(backbone.title)
    from tlcore.models.construct import check_image_size  # only here: it imports torch, which the job needs next

    check_image_size(backbone, asked.image_size)


def _refuse_beside(spec: LayersSpec, runs_dir: Path) -> None:
    """Raise `RunNotFound` or `SpecError` for a run laid beside that is not there, or not done."""
    for run_id in spec.runs:
        try:
            finished_training(runs_dir, run_id)
        except RunNotFound as error:
            raise RunNotFound(
                f"Run {run_id}, which is to be laid beside, is not here any more.",
                next_step="Bring it back on the Runs page (a deleted run is kept for a week), or leave it out.",
            ) from error
