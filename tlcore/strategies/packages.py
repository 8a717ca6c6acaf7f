"""Packages that some choice needs and that Thaw does without: asked for by name, before anything is built."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from tlcore.errors import SpecError
from tlcore.strategies.strategy import Strategy

_WHAT = {"bitsandbytes": "keeps weights in 4 bits"}


def check_packages(strategy: Strategy) -> None:
    """Refuse a strategy that needs a package that is not installed here."""
    require(strategy.scope.needs, type(strategy.scope).__name__)


def require(packages: Sequence[str], who: str) -> None:
    """Raise `SpecError` where one of `packages` cannot be imported; nothing is imported here."""
    for package in missing(packages):
        raise SpecError(
            f"{who} needs the package {package}, which {_WHAT[package]} and is not installed here.",
            next_step=f"Install it (pip install {package}) and start Thaw again, or choose lora, which needs no package.",
        )


def missing(packages: Sequence[str]) -> tuple[str, ...]:
    """Those of `packages` that cannot be imported here; nothing is imported to find out."""
    return tuple(package for package in packages if find_spec(package) is None)
