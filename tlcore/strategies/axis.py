"""What the choices on all five axes have in common: plain, frozen, validated data that goes to JSON and back."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Choice(BaseModel):
    """One choice on one axis. Its `kind` names the class in JSON; its fields' descriptions label the form on the page."""

    model_config = ConfigDict(frozen=True, extra="forbid")
