"""From a comparison to its runs: which there are, in which order, for how many epochs, and which cannot be run and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tlcore.compare.pace import Paces, sizes_of
from tlcore.compare.spec import Cell, CompareSpec, Setting
from tlcore.data.card import DatasetCard
from tlcore.errors import DataError, SpecError, ThawError, UnknownName
from tlcore.models.cards import no_map
from tlcore.models.catalogue import backbone_card
from tlcore.spec import RunSpec
from tlcore.strategies import compile_plan
from tlcore.strategies.packages import check_packages
from tlcore.training.pull.refuse import refuse_pull

FIRST = ("linear-probe", "random-features")  # what the others are read against, and the quickest
Refusal = Callable[[RunSpec], None]


@dataclass(frozen=True)
class LeftOut:
    """A strategy that cannot run in a setting, and why."""

    setting: Setting
    strategy: str
    reason: str
    next_step: str = ""


@dataclass(frozen=True)
class Expansion:
    """The runs in the order in which they go, and what is left out."""

    cells: tuple[Cell, ...]
    left_out: tuple[LeftOut, ...]


def expand(
    spec: CompareSpec, cards: Mapping[str, DatasetCard], paces: Paces | None = None, refuse: Refusal | None = None
) -> Expansion:
    """All runs of a comparison.

    Seed by seed, so that each strategy has its first number early; within a seed those that share a backbone and data
    follow one another, the probe first, so that what frozen layers compute is computed once for all of them.
    `cards` are the datasets' by name. `refuse` (`refuse_lightly` where None) raises for a run that cannot work.
    Raises `SpecError` where a budget in seconds meets a pace that is not known, or one in steps a number of images.
    """
    cells, left_out = [], []
    alone = {
        setting: [name for name in _order(spec) if (_try(spec, setting, name, cards, paces, refuse, left_out))]
        for setting in spec.settings
    }
    for seed in spec.seeds:
        for setting, names in alone.items():
            cells += [Cell(setting, name, seed, epochs_of(spec, setting, name, cards, paces)) for name in names]
    return Expansion(tuple(cells), tuple(left_out))


def _try(
    spec: CompareSpec,
    setting: Setting,
    name: str,
    cards: Mapping[str, DatasetCard],
    paces: Paces | None,
    refuse: Refusal | None,
    left_out: list[LeftOut],
) -> bool:
    cell = Cell(setting, name, spec.seeds[0], epochs_of(spec, setting, name, cards, paces))
    run = spec.run_of(cell)
    try:
        refuse_lightly(run, cards[setting.dataset])
        if refuse is not None:
            refuse(run)
    except ThawError as error:
        left_out.append(LeftOut(setting, name, error.message, error.next_step))
        return False
    return True


def epochs_of(spec: CompareSpec, setting: Setting, name: str, cards: Mapping[str, DatasetCard], paces: Paces | None) -> int:
    """How many epochs the budget is for this strategy in this setting: rounded for steps, rounded down for seconds, never 0."""
    budget = spec.budget
    if budget.unit == "epochs":
        return int(budget.amount)
    if budget.unit == "steps":
        sizes = sizes_of(cards[setting.dataset], setting.images_per_class)
        if sizes is None:
            raise SpecError(
                f"A budget in steps needs the number of images, which nobody has counted in {cards[setting.dataset].title!r}.",
                next_step="Look at the data on the Data page first, or give the budget in epochs.",
            )
        return max(1, math.floor(budget.amount / sizes.steps_per_epoch(spec.run.batch_size) + 0.5))
    pace = None if paces is None else paces.of(spec.run_of(Cell(setting, name, spec.seeds[0], MEASURED_EPOCHS)))
    if pace is None:
        raise SpecError(
            f"A budget in seconds needs the pace of {name} on {setting.backbone}, which nothing here has measured yet.",
            next_step="Measure it first, or give the budget in epochs.",
        )
    return pace.epochs(budget.amount)


MEASURED_EPOCHS = 5  # what is measured to know a pace: enough for a strategy of several phases


def refuse_lightly(run: RunSpec, data: DatasetCard) -> None:
    """Raise for a run that its names and sizes alone rule out, without torch: what the job itself would refuse."""
    if data.refusal or not data.labelled:
        raise DataError(
            f"{data.title} cannot be trained on. {data.refusal}".strip(), next_step="Choose a dataset with classes."
        )
    try:
        backbone = backbone_card(run.backbone)
    except UnknownName:
        return  # a timm model that is in no catalogue: its job looks at it
    if run.image_size < backbone.min_image_size or run.image_size % backbone.image_size_multiple:
        many = f", in multiples of {backbone.image_size_multiple}" if backbone.image_size_multiple > 1 else ""
        raise SpecError(
            f"{backbone.title} needs images of at least {backbone.min_image_size} pixels{many}, not {run.image_size}.",
            next_step="Choose another image size.",
        )
    if run.strategy.start.kind == "pretrained" and not backbone.weights and run.weights is None:
        raise SpecError(
            f"No source of pretrained weights is known for {backbone.title}.",
            next_step="Choose another backbone, or strategies that start from random weights.",
        )
    if run.head == "attention" and not backbone.shows_positions:
        raise no_map(backbone.title)
    groups = backbone.groups_with_head(max(2, len(data.classes)), run.head)
    plan = compile_plan(run.strategy, groups, epochs=run.epochs, lr=run.lr)
    check_packages(run.strategy)
    refuse_pull(run, backbone, plan)


def _order(spec: CompareSpec) -> Iterator[str]:
    yield from (name for name in FIRST if name in spec.names)
    yield from (name for name in spec.names if name not in FIRST)
