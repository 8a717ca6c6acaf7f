"""What the choices on all five axes have in common: plain, frozen, validated data that goes to JSON and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tlcore.errors import SpecError
from tlcore.strategies.spelling import meant


class Choice(BaseModel):
    """One choice on one axis. Its `kind` names the class in JSON; its other fields are settings (`settings.py`).

    A field's title, description, range and `Unit` label its control on the page, so that a new one needs nothing more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def idle(self, name: str) -> str:
        """Why the field called `name` changes nothing as the others stand, as a sentence; empty where it does."""
        return ""


@dataclass(frozen=True)
class Unit:
    """What the number in a field counts, for people: `Annotated[int, Unit("epochs")]`."""

    name: str


@dataclass(frozen=True)
class NamesGroup:
    """Marks a field that holds the name of a layer group or of a level: `Annotated[str, NamesGroup()]`."""


def in_words(error: ValidationError, within: str = "", model: type[BaseModel] | None = None) -> SpecError:
    """pydantic's error as sentences, each with the field (after `within`, a path) and what was given.

    Of a field that `model` has not it is said which one was perhaps meant.
    """
    sentences = []
    for problem in error.errors():
        path = ([within] if within else []) + [str(part) for part in problem["loc"]]
        given = problem.get("input")
        shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool | None) else ""
        unknown = model is not None and problem["type"] == "extra_forbidden"
        hint = meant(model, problem["loc"]) if unknown else ""
        sentences.append(f"{'.'.join(path) or 'spec'}: {_what_is_wrong(problem)}{shown}.{hint}")
    return SpecError(" ".join(sentences), next_step="Correct the fields named and try again.")


def _what_is_wrong(problem: Mapping[str, Any]) -> str:
    """pydantic's own words, but where they speak of its inside."""
    if isinstance(given := problem.get("input"), float) and math.isnan(given):
        return "Input should be a number"  # it fails whichever limit is looked at first
    own = {"extra_forbidden": "There is no field of this name", "string_pattern_mismatch": "This is no such name"}
    return own.get(problem["type"], problem["msg"])
