"""Which field was perhaps meant by a name that a model has not: for the words of a refusal."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import get_args

from pydantic import BaseModel


def meant(model: type[BaseModel], path: Sequence[str | int]) -> str:
    """The words " Did you mean 'epochs'?" for the last name of `path`, a place inside `model`; empty where nothing is near."""
    here: set[type[BaseModel]] = {model}
    for part in path[:-1]:
        of_kind = {one for one in here if "kind" in one.model_fields and one.model_fields["kind"].default == part}
        inside = {found for one in here if part in one.model_fields for found in _models(one.model_fields[part].annotation)}
        here = inside or of_kind or here  # pydantic names the kind of a choice in the path too
    fields = {name for one in here for name in one.model_fields}
    close = difflib.get_close_matches(str(path[-1]), fields, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that a field may hold: itself, or those of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
