"""The strategies that the literature has names for, each with its source and what to expect of it.

A new preset is one record in one of the files here; it then appears in the pages, on the command line, in the comparison and
in the tests by itself.
"""

from __future__ import annotations

from typing import Any

from tlcore.errors import UnknownName
from tlcore.strategies.presets import adapters, controls, depth, pulls, rates, recipes, stages
from tlcore.strategies.presets.record import Preset
from tlcore.strategies.strategy import Strategy

__all__ = ["STRATEGIES", "Preset", "defaults_of", "preset"]

STRATEGIES: dict[str, Preset] = {
    preset.strategy.name: preset
    for family in (depth, stages, rates, recipes, adapters, pulls, controls)
    for preset in family.PRESETS
}


def preset(name: str) -> Strategy:
    """The strategy called `name`. Raises `UnknownName` with the names there are."""
    if name not in STRATEGIES:
        raise UnknownName("strategy", name, STRATEGIES)
    return STRATEGIES[name].strategy


def defaults_of(name: str) -> dict[str, Any]:
    """Fields of a run that the preset called `name` is meant with; {} for most, and for a name that is no preset's."""
    return dict(STRATEGIES[name].defaults) if name in STRATEGIES else {}
