"""Start: the weights that training begins with."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from tlcore.strategies.axis import Choice

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}-[a-z0-9-]{1,100}-[0-9a-f]{4}")  # the name of a run's folder, in full


class Pretrained(Choice):
    """The backbone's pretrained weights. Where they cannot be had the run refuses: they are never replaced."""

    kind: Literal["pretrained"] = "pretrained"


class Random(Choice):
    """Fresh random weights, drawn from the run's seed: training from scratch, and the control for every claim."""

    kind: Literal["random"] = "random"


class FromRun(Choice):
    """The weights that another run ended with: a chain of tasks, one learned after the other.

    That run must be done, and of the same backbone. What it did not move is as it was at its own start, which may be a run too.
    """

    kind: Literal["run"] = "run"
    run_id: str = Field(description="The id of a finished run.")
    head: Literal["auto", "fresh", "kept"] = Field(
        "auto",
        description="The head: fresh draws a new one, kept goes on from that run's, auto keeps it where the classes are the "
        "same names in the same order and the head is of the same kind.",
    )

    @field_validator("run_id")
    @classmethod
    def _is_an_id(cls, given: str) -> str:
        if not RUN_ID.fullmatch(given):
            raise PydanticCustomError("run_id", "This is not a run's id, such as 20261120T224500-lite0-chest-xray-lp-ft-7f3a")
        return given


Start = Annotated[Pretrained | Random | FromRun, Field(discriminator="kind")]
