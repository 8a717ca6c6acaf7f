"""The strategies that the literature has names for, each with its source and what to expect of it.

A new preset is one record in one of the files here; it then appears in the pages, on the command line, in the comparison and
in the tests by itself.
"""

from __future__ import annotations

from tlcore.errors import UnknownName
from tlcore.strategies.presets import controls, depth, pulls, stages
from tlcore.strategies.presets.record import Preset
from tlcore.strategies.strategy import Strategy

__all__ = ["STRATEGIES", "Preset", "preset"]

STRATEGIES: dict[str, Preset] = {
    preset.strategy.name: preset for family in (depth, stages, pulls, controls) for preset in family.PRESETS
}


def preset(name: str) -> Strategy:
    """The strategy called `name`. Raises `UnknownName` with the names there are."""
    if name not in STRATEGIES:
        raise UnknownName("strategy", name, STRATEGIES)
    return STRATEGIES[name].strategy
