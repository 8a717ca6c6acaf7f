"""What all specs have in common: frozen data that refuses a wrong field in words, and a digest."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import PurePath
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

from tlcore.strategies.axis import in_words

Lane = Literal["train", "quick"]


class Spec(BaseModel):
    """What the specs have in common. A wrong field raises `SpecError`, however the spec is made: by name, or from JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_in_words(cls, given: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return build(given)
        except ValidationError as error:
            raise in_words(error, model=cls) from None

    def digest(self) -> str:
        """SHA-256 of the spec's canonical JSON: equal specs have equal digests, in every process."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def short(name: str, limit: int = 24) -> str:
    """A part of a run's name: the last part of `name` in small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", PurePath(name).name.lower()).strip("-")[:limit].strip("-") or "x"
