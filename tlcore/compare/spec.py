"""What to compare: strategies, backbones, images per class and seeds on one or several datasets, with one budget for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import Field, field_validator, model_validator

from tlcore.errors import SpecError
from tlcore.spec import RunSpec, Spec
from tlcore.strategies import Strategy, defaults_of
from tlcore.strategies.variant import base_of, variant

MOST_RUNS = 5000
ALL = "all"  # the word for a whole training split, where a number of images is typed
Unit = Literal["epochs", "steps", "seconds"]
T = TypeVar("T")


class Budget(Spec):
    """How long each run may train. Steps and seconds become whole epochs, run by run (see `expand`)."""

    unit: Unit = "epochs"
    amount: float = Field(5, gt=0, le=1e7)

    @model_validator(mode="after")
    def _whole(self) -> Budget:
        if self.unit != "seconds" and self.amount != int(self.amount):
            raise SpecError(
                f"A number of {self.unit} is whole, not {self.amount:g}.", next_step="Give a whole number of 1 or more."
            )
        return self


class Setting(NamedTuple):
    """Where strategies meet on equal terms: the same data, as many labels, the same backbone."""

    dataset: str
    backbone: str
    images_per_class: int | None


@dataclass(frozen=True)
class Cell:
    """One run of the grid."""

    setting: Setting
    strategy: str  # its name in the comparison
    seed: int
    epochs: int


class CompareSpec(Spec):
    """A grid of runs that differ in nothing but what is compared.

    `run` is what all of them share; its dataset, backbone, strategy, images per class, seed and epochs are replaced.
    """

    kind: Literal["compare"] = "compare"
    datasets: tuple[str, ...] = Field(min_length=1)
    backbones: tuple[str, ...] = Field(("tf_efficientnet_lite0",), min_length=1)
    strategies: tuple[Strategy, ...] = Field(
        min_length=1, description="Presets' names, variants such as ewc:pull.strength=10, or strategies."
    )
    images_per_class: tuple[Annotated[int, Field(ge=1)] | None, ...] = Field((None,), min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...] = Field((0, 1, 2), min_length=1)
    baseline: str = Field("linear-probe", description="The strategy that the others are held against, seed by seed.")
    budget: Budget = Budget()
    run: RunSpec

    @field_validator("strategies", mode="before")
    @classmethod
    def _presets_by_name(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return [variant(one) if isinstance(one, str) else one for one in value]
        return value

    @field_validator("datasets", "backbones", "strategies", "images_per_class", "seeds")
    @classmethod
    def _once_each(cls, value: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(one for place, one in enumerate(value) if one not in value[:place])

    @model_validator(mode="after")
    def _fits_together(self) -> CompareSpec:
        names = [strategy.name for strategy in self.strategies]
        # As SpecErrors: what is raised here no longer passes through what puts pydantic's own errors into words.
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SpecError(f"Two different strategies are called {twice[0]!r}.", next_step="Give each a name of its own.")
        if self.baseline not in names:
            raise SpecError(
                f"The baseline {self.baseline!r} is not among the strategies.", next_step=f"Choose one of: {', '.join(names)}."
            )
        if len(self.backbones) > 1 and self.run.weights not in (None, "package", "hub"):
            raise SpecError("A weights file of your own belongs to one backbone.", next_step="Compare with one backbone alone.")
        if len(self.datasets) > 1 and self.run.labels is not None:
            raise SpecError("A table of labels belongs to one dataset.", next_step="Compare on one dataset alone.")
        if self.size > MOST_RUNS:
            raise SpecError(
                f"{self.size:,} runs are too many for one comparison; at most {MOST_RUNS:,}.",
                next_step="Leave out seeds, numbers of images or strategies.",
            )
        return self

    @property
    def size(self) -> int:
        """How many runs the whole grid has."""
        return len(self.settings) * len(self.strategies) * len(self.seeds)

    @property
    def settings(self) -> tuple[Setting, ...]:
        return tuple(Setting(*one) for one in product(self.datasets, self.backbones, self.images_per_class))

    @property
    def names(self) -> tuple[str, ...]:
        """The strategies' names, in the order in which they were chosen: it gives each its colour."""
        return tuple(strategy.name for strategy in self.strategies)

    def strategy(self, name: str) -> Strategy:
        return next(strategy for strategy in self.strategies if strategy.name == name)

    def run_of(self, cell: Cell) -> RunSpec:
        """The spec of one run of the grid: what all share, the epochs of the budget, and where `run` leaves a field at its
        default, what the cell's preset is meant with (a recipe's rate)."""
        return self.run.model_copy(
            update=self.own(cell.strategy)
            | {
                "dataset": cell.setting.dataset,
                "backbone": cell.setting.backbone,
                "images_per_class": cell.setting.images_per_class,
                "strategy": self.strategy(cell.strategy),
                "seed": cell.seed,
                "epochs": cell.epochs,
            }
        )

    def own(self, name: str) -> dict[str, Any]:
        """What a strategy is run with that the others are not, but for the epochs, which the budget gives."""
        base = base_of(self.strategy(name)) or ""
        return {field: value for field, value in defaults_of(base).items() if field != "epochs" and _untouched(self.run, field)}

    def with_more(
        self,
        *,
        strategies: Sequence[Strategy] = (),
        seeds: Sequence[int] = (),
        backbones: Sequence[str] = (),
        images_per_class: Sequence[int | None] = (),
        datasets: Sequence[str] = (),
    ) -> CompareSpec:
        """The same comparison with more in it; what is there keeps its place. Raises `SpecError`."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        more = {
            "strategies": strategies,
            "seeds": seeds,
            "backbones": backbones,
            "images_per_class": images_per_class,
            "datasets": datasets,
        }
        return CompareSpec(**fields | {name: (*fields[name], *extra) for name, extra in more.items()})


def seeds_from(count: int) -> tuple[int, ...]:
    """The first `count` seeds. Raises `SpecError` for none."""
    if count < 1:
        raise SpecError(f"A comparison needs at least 1 seed, not {count}.", next_step="Ask for 3: they show the spread.")
    return tuple(range(count))


def images_per_class(text: str) -> int | None:
    """A number of images as a person typed it; None for all. Raises `SpecError`."""
    if text == ALL:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) > 0):
        raise SpecError(
            f"Images per class are a whole number above 0, or the word {ALL}, not {text[:40]!r}.",
            next_step="Give numbers such as 10 and 50, or all.",
        )
    return int(text)


def of_runs(specs: Sequence[RunSpec]) -> CompareSpec:
    """The smallest grid that holds all of these runs. Raises `SpecError` where they differ in what a comparison shares."""
    if not specs:
        raise SpecError("No run was chosen.", next_step="Tick runs on the Runs page.")
    plain = [_without_own(one) for one in specs]
    if len({(one.source_probes, one.source_images, one.keep_epochs) for one in plain}) > 1:  # which changes no number
        plain = [one.training_alone() for one in plain]
    shared = [one.model_dump(exclude={"dataset", "backbone", "strategy", "images_per_class", "seed"}) for one in plain]
    if apart := [name for name in shared[0] if any(one[name] != shared[0][name] for one in shared)]:
        raise SpecError(
            f"These runs differ in {', '.join(name.replace('_', ' ') for name in apart)}, which a fair comparison keeps equal.",
            next_step="Choose runs that agree in it.",
        )
    strategies = tuple(_named_apart([_as_run(one) for one in specs]))
    names = [strategy.name for strategy in strategies]
    return CompareSpec(
        datasets=tuple(one.dataset for one in specs),
        backbones=tuple(one.backbone for one in specs),
        strategies=strategies,
        images_per_class=tuple(one.images_per_class for one in specs),
        seeds=tuple(sorted({one.seed for one in specs})),
        baseline="linear-probe" if "linear-probe" in names else names[0],
        budget=Budget(amount=specs[0].epochs),
        run=plain[0],
    )


def _untouched(run: RunSpec, name: str) -> bool:
    return getattr(run, name) == RunSpec.model_fields[name].default


def _without_own(spec: RunSpec) -> RunSpec:
    """As usual in what its preset is meant with, where it ran with that: such runs are told apart by their strategy alone."""
    if _as_run(spec) != spec.strategy:
        return spec
    meant = defaults_of(spec.strategy.name).keys() - {"epochs"}
    return spec.model_copy(update={name: RunSpec.model_fields[name].default for name in meant})


def _as_run(spec: RunSpec) -> Strategy:
    """Its strategy; under a name of its own where it ran without what its preset is meant with."""
    meant = {name: value for name, value in defaults_of(spec.strategy.name).items() if name != "epochs"}
    if all(getattr(spec, name) == value for name, value in meant.items()):
        return spec.strategy
    return spec.strategy.model_copy(update={"name": f"{spec.strategy.name}-as-set"})


def _named_apart(strategies: Sequence[Strategy]) -> Iterator[Strategy]:
    """The different strategies; of those that share a name (custom ones do) the later ones get a number."""
    seen: list[Strategy] = []
    for strategy in strategies:
        if strategy in seen:
            continue
        alike = sum(one.name == strategy.name for one in seen)
        seen.append(strategy)
        yield strategy.model_copy(update={"name": f"{strategy.name[:36]}-{alike + 1}"}) if alike else strategy
