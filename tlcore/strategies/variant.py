"""Variants: a preset with some of its settings changed, as a person types it: `ewc:pull.strength=10`. No torch.

A sweep is a few variants of one preset side by side.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from tlcore.errors import SpecError
from tlcore.strategies.presets import STRATEGIES, preset
from tlcore.strategies.settings import changes_from, setting_named, with_settings
from tlcore.strategies.strategy import Strategy

_LONGEST: Final = 41  # of a strategy's name


def variant(text: str) -> Strategy:
    """The strategy that `NAME` or `NAME:setting=value:setting=value` says: a preset, or one under a name of its own.

    Raises `UnknownName` for a preset or a setting that there is not, `SpecError` for a value that is not allowed.
    """
    name, *parts = (part.strip() for part in text.split(":"))
    base = preset(name)
    changes = {}
    for part in parts:
        path, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise SpecError(
                f"{text!r} does not say what {part!r} is to be.",
                next_step=f"Write a setting and its value after the name, as {name}:scope.batchnorm=trained.",
            )
        changes[path] = value
    changed = with_settings(base, changes)
    wanted = changes_from(base, changed) or {}
    return changed.model_copy(update={"name": _name(name, wanted)}) if wanted else base


def sweep(name: str, path: str, values: list[str]) -> list[Strategy]:
    """The preset called `name` with one setting at each of the values. Raises as `variant` does."""
    setting_named(preset(name), path)
    return list({one.name: one for one in (variant(f"{name}:{path}={value}") for value in values)}.values())


def base_of(strategy: Strategy) -> str | None:
    """The preset that a strategy is, or is a variant of; None where it is neither."""
    if strategy.name in STRATEGIES:
        return strategy.name if preset(strategy.name) == strategy else None
    above = [name for name in STRATEGIES if strategy.name.startswith(f"{name}-")]
    return next((name for name in sorted(above, key=len, reverse=True) if changes_from(preset(name), strategy)), None)


def _name(base: str, changes: dict[str, object]) -> str:
    """ "ewc-strength-10"; where that is too long, its start and four digits that tell it from others."""
    words = " ".join(f"{path.partition('.')[2]} {value}" for path, value in changes.items())
    full = f"{base}-" + re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    if len(full) <= _LONGEST:
        return full
    return f"{full[: _LONGEST - 5].rstrip('-')}-{hashlib.sha256(words.encode()).hexdigest()[:4]}"
