"""Start: the weights that training begins with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlcore.strategies.axis import Choice


class Pretrained(Choice):
    """The backbone's pretrained weights. Where they cannot be had the run refuses: they are never replaced."""

    kind: Literal["pretrained"] = "pretrained"


class Random(Choice):
    """Fresh random weights, drawn from the run's seed: training from scratch, and the control for every claim."""

    kind: Literal["random"] = "random"


Start = Annotated[Pretrained | Random, Field(discriminator="kind")]
