"""Phases: in which order groups are unfrozen, and how the epochs are shared out.

A new order is one class here with a `split` method, and its name in `Phases`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tlcore.errors import SpecError
from tlcore.strategies.axis import Choice, Unit

Until = Literal["epochs", "stalled"]


@dataclass(frozen=True)
class Stretch:
    """A stretch of epochs in which the same backbone groups move, at the same share of their rate."""

    name: str
    epochs: int
    groups: tuple[str, ...]  # backbone groups that move; the head always does
    lr_mult: float = 1.0  # multiplies every rate, the head's too
    patience: int | None = None  # ends it after so many epochs without a lower validation loss; None: its epochs do


class OnePhase(Choice):
    """Everything in scope trains from the first step to the last."""

    kind: Literal["one"] = "one"

    def split(self, trainable: Sequence[str], epochs: int) -> tuple[Stretch, ...]:
        name = "head" if not trainable else "head and body"
        return (Stretch(name, epochs, tuple(trainable)),)


class HeadThenBody(Choice):
    """First the head alone on frozen features, then everything in scope at a smaller rate.

    With everything in scope this is LP-FT (Kumar et al. 2022, "Fine-tuning can distort pretrained features and
    underperform out-of-distribution"): the head is good before it can pull the features out of shape. There the head trains to
    convergence: until its solver has converged, or validation stalls; its share of the epochs is then the most it may take.
    """

    kind: Literal["head-then-body"] = "head-then-body"
    head_share: Annotated[float, Unit("a share of the epochs")] = Field(
        0.5, gt=0, lt=1, title="Head alone", description="For how much of the epochs the head trains by itself, at most."
    )
    head_until: Literal["epochs", "converged"] = Field(
        "epochs",
        title="Head alone until",
        description="epochs: its share of the epochs is over; converged: its solver has converged, or validation stalls.",
    )
    patience: Annotated[int, Unit("epochs")] = Field(
        3, ge=1, title="Head's patience", description="So long without a lower validation loss, and the head has converged."
    )
    lr_mult: Annotated[float, Unit("times the first phase's")] = Field(
        0.1,
        gt=0,
        le=1,
        title="Rates of the second phase",
        description="All rates, the head's too, once the body trains as well.",
    )

    def idle(self, name: str) -> str:
        waits = self.head_until == "converged"
        return (
            "The head trains for its share of the epochs here, and waits for nothing."
            if name == "patience" and not waits
            else ""
        )

    def split(self, trainable: Sequence[str], epochs: int) -> tuple[Stretch, ...]:
        if epochs < 2:
            raise SpecError(
                f"Training the head first and the body after it takes at least 2 epochs, but {epochs} was asked for.",
                next_step="Ask for 2 epochs or more, or choose a strategy with one phase.",
            )
        head_epochs = min(max(1, round(epochs * self.head_share)), epochs - 1)
        patience = self.patience if self.head_until == "converged" else None
        return (
            Stretch("head", head_epochs, (), patience=patience),
            Stretch("head and body", epochs - head_epochs, tuple(trainable), self.lr_mult),
        )


class Gradual(Choice):
    """One group more in each phase, the head first (Howard & Ruder 2018, ULMFiT, section 3.3: from the top down).

    With fewer epochs than groups, neighbouring groups are unfrozen together, so that each phase has an epoch. From the bottom
    up it is G-FL, from the top down G-LF (Davila et al. 2024).
    """

    kind: Literal["gradual"] = "gradual"
    direction: Literal["top-down", "bottom-up"] = Field(
        "top-down",
        title="Direction",
        description="Which group of the backbone is unfrozen first: the one below the head, or the one at the image.",
    )
    until: Until = Field(
        "epochs",
        title="A phase lasts until",
        description="epochs: its own are over; stalled: validation has stalled, and its epochs are the most it may take.",
    )
    patience: Annotated[int, Unit("epochs")] = Field(
        2, ge=1, title="Patience", description="So long without a lower validation loss, and a phase has stalled."
    )

    def idle(self, name: str) -> str:
        waits = self.until == "stalled"
        return "Each phase trains for its own epochs here, and waits for nothing." if name == "patience" and not waits else ""

    def split(self, trainable: Sequence[str], epochs: int) -> tuple[Stretch, ...]:
        order = list(reversed(trainable)) if self.direction == "top-down" else list(trainable)
        steps = min(epochs, len(order) + 1)
        stretches = []
        for step in range(steps):
            # The last step has every group; the first one none, unless a single epoch leaves no room for that.
            released = len(order) if steps == 1 else round(step * len(order) / (steps - 1))
            moving = set(order[:released])
            share = epochs * (step + 1) // steps - epochs * step // steps
            name = "head" if not released else f"+ {order[released - 1]}"
            patience = self.patience if self.until == "stalled" else None
            groups = tuple(group for group in trainable if group in moving)
            stretches.append(Stretch(name, share, groups, patience=patience))
        return tuple(stretches)


Phases = Annotated[OnePhase | HeadThenBody | Gradual, Field(discriminator="kind")]
