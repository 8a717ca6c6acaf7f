"""What the choices on all five axes have in common: plain, frozen, validated data that goes to JSON and back."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from tlcore.errors import SpecError


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


def in_words(error: ValidationError, within: str = "") -> SpecError:
    """pydantic's error as sentences, each with the field (after `within`, a path) and what was given."""
    sentences = []
    for problem in error.errors():
        path = ([within] if within else []) + [str(part) for part in problem["loc"]]
        given = problem.get("input")
        shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool | None) else ""
        sentences.append(f"{'.'.join(path) or 'spec'}: {problem['msg']}{shown}.")
    return SpecError(" ".join(sentences), next_step="Correct the fields named and try again.")
