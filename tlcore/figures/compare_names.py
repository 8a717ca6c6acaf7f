"""What the strategies and settings of a comparison are called, and how each strategy looks in every one of its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from tlcore.compare.spec import CompareSpec, Setting
from tlcore.data.catalogue import DATASETS
from tlcore.figures.palette import BASELINE, MARKERS, RUNS
from tlcore.figures.words import count, listing, strategy_title
from tlcore.models.catalogue import BACKBONES

_DASHES = ("solid", "dash", "dot", "dashdot")
_CONTROL_MARKERS = ("circle-open", "square-open", "diamond-open", "triangle-up-open")
T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """A strategy's colour, marker and dash: the pair of colour and marker is its own, for up to 36 strategies."""

    colour: str
    marker: str
    dash: str


def dataset_title(dataset: str) -> str:
    """A catalogued dataset's title; of one's own data the last part of the path."""
    return DATASETS[dataset].title if dataset in DATASETS else PurePath(dataset).name


class Names:
    """The words of one comparison. `dataset` says what people call a dataset: the pages know better names for own data."""

    def __init__(self, spec: CompareSpec, dataset: Callable[[str], str] = dataset_title) -> None:
        self.spec, self.dataset = spec, dataset
        self._titles = _titles(spec)
        self._looks = looks(spec)

    def strategy(self, name: str) -> str:
        return self._titles[name]

    def look(self, name: str) -> Look:
        return self._looks[name]

    def backbone(self, name: str) -> str:
        return BACKBONES[name].title if name in BACKBONES else name

    def labels(self, images_per_class: int | None) -> str:
        return "all images" if images_per_class is None else f"{count(images_per_class)} per class"

    def setting(self, setting: Setting) -> str:
        """What tells a setting from the others of the comparison; all of it where there is one."""
        varied = self._varied()
        parts = (self.dataset(setting.dataset), self.backbone(setting.backbone), self.labels(setting.images_per_class))
        return ", ".join(part for part, vary in zip(parts, varied, strict=True) if vary or not any(varied))

    def title(self) -> str:
        """The comparison in a line: how many strategies, on what."""
        spec = self.spec
        strategies = f"{len(spec.names)} strategies" if len(spec.names) > 1 else self.strategy(spec.names[0])
        data = listing([self.dataset(name) for name in spec.datasets])
        backbones = listing([self.backbone(name) for name in spec.backbones])
        return f"{strategies} on {data}, {backbones}"

    def _varied(self) -> tuple[bool, bool, bool]:
        spec = self.spec
        return len(spec.datasets) > 1, len(spec.backbones) > 1, len(spec.images_per_class) > 1


def is_control(spec: CompareSpec, name: str) -> bool:
    """Whether a strategy starts from random weights: what the others must beat."""
    return spec.strategy(name).start.kind == "random"


def looks(spec: CompareSpec) -> dict[str, Look]:
    """A look for each strategy by its place, so that one added later changes none. Controls are gray and hollow."""
    found: dict[str, Look] = {}
    plain = controls = 0
    for name in spec.names:
        if is_control(spec, name):
            found[name] = Look(BASELINE, _cycle(_CONTROL_MARKERS, controls), _cycle(_DASHES[1:], controls))
            controls += 1
        else:
            turn = plain // len(RUNS)
            found[name] = Look(_cycle(RUNS, plain), _cycle(MARKERS, plain + turn), _cycle(_DASHES, turn))
            plain += 1
    return found


def _titles(spec: CompareSpec) -> dict[str, str]:
    titles = {strategy.name: strategy_title(strategy) for strategy in spec.strategies}
    known = list(titles.values())
    return {name: title if known.count(title) == 1 else f"{title} ({name})" for name, title in titles.items()}


def _cycle(items: Sequence[T], place: int) -> T:
    return items[place % len(items)]
