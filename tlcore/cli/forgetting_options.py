"""The options of the command forgetting as fields of its specs; a wrong one is refused by name, with what is allowed."""

from __future__ import annotations

import argparse
import math
from typing import Any, get_args

from tlcore.cli.report import plain
from tlcore.errors import SpecError, UnknownName
from tlcore.figures.words import count
from tlcore.source_probes.catalogue import SOURCES
from tlcore.spec import BlendSpec, ForgettingSpec

_FIELDS = ForgettingSpec.model_fields


def asked(given: argparse.Namespace) -> dict[str, Any]:
    """The fields of `ForgettingSpec` that were given, all but the run. Raises `SpecError`."""
    options = vars(given)
    names = [name for name in ("images", "points", "relearn_steps") if name in options]
    found: dict[str, Any] = {name: _whole(name, options[name]) for name in names}
    if "device" in options:
        found["device"] = _one_of("--device", options["device"], get_args(_FIELDS["device"].annotation))
    if "source" in options:
        found["sources"] = _sources(options["source"])
    return found


def point(given: argparse.Namespace) -> dict[str, Any]:
    """The fields of `BlendSpec` that were given, all but the run. Raises `SpecError`."""
    try:
        a = float(given.save)
    except ValueError:
        a = math.nan
    if not 0 <= a <= 1:
        raise SpecError(
            f"--save takes a number from 0 to 1, not {plain(given.save)!r}.",
            next_step="0 is the network that the run started from, 1 the run, and 0.5 is half-way between.",
        )
    fields = {"a": a, "device": _one_of("--device", given.device, get_args(_FIELDS["device"].annotation))}
    if given.batchnorm is not None:
        allowed = get_args(BlendSpec.model_fields["batchnorm"].annotation)
        fields["batchnorm"] = _one_of("--batchnorm", given.batchnorm, allowed)
    return fields


def _sources(given: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    if not names:
        raise SpecError("--source names no source.", next_step=f"Choose from: {', '.join(SOURCES)}; or leave it out for all.")
    for name in names:
        if name not in SOURCES:
            raise UnknownName("source (--source)", plain(name), SOURCES)
    return names


def _whole(name: str, given: str) -> int:
    field = _FIELDS[name]
    least, most = (next(getattr(mark, end) for mark in field.metadata if hasattr(mark, end)) for end in ("ge", "le"))
    number = int(text) if (text := str(given).strip()).isascii() and text.isdigit() and len(text) < 10 else None
    if number is None or not least <= number <= most:
        raise SpecError(
            f"--{name.replace('_', '-')} takes a whole number from {count(least)} to {count(most)}, not {plain(str(given))!r}.",
            next_step=f"Without it the number is {field.default}.",
        )
    return number


def _one_of(option: str, given: str, allowed: tuple[str, ...]) -> str:
    if given not in allowed:
        words = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        raise SpecError(f"{option} takes {words}, not {plain(given)!r}.", next_step=f"Without it: {allowed[0]}.")
    return given
