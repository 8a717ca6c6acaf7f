"""Pull: what shapes the loss besides the labels.

Towards the old weights (L2-SP, L1-SP, EWC), towards the old answers on the new images (distillation, LwF), or towards the
old answers on old images (replay). Each is added to the mean cross-entropy; at strength 0 it is left out and costs nothing.
What a term computes stands in `tlcore/training/pull/`; a new one is a class here, its name in `Pull`, and a file there.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from tlcore.strategies.axis import Choice, Unit

Needs = Literal["weights", "answers", "images"]


class _Pull(Choice):
    """What is asked of every pull."""

    @property
    def needs(self) -> tuple[Needs, ...]:
        """What of the old task it needs: the old weights, the answers of the old head, images of the old task."""
        return ()

    def holds_head(self, *, kept: bool = False) -> bool:
        """Whether it pulls at the head too, which then is not solved by L-BFGS, but trained in steps.

        `kept`: the head is not a fresh one, but that of the run which training starts from.
        """
        return False

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        return False


class NoPull(_Pull):
    """Cross-entropy on the labels alone."""

    kind: Literal["none"] = "none"


class _Term(_Pull):
    strength: float = Field(ge=0)

    @property
    def active(self) -> bool:
        return self.strength > 0


class _TowardsStart(_Term):
    head_strength: float = Field(
        0.01, ge=0, title="Beta", description="How strongly a fresh head is pulled towards zero; a kept one is pulled by alpha."
    )

    @property
    def needs(self) -> tuple[Needs, ...]:
        return ("weights",)

    def holds_head(self, *, kept: bool = False) -> bool:
        return (self.strength if kept else self.head_strength) > 0

    @property
    def active(self) -> bool:
        return self.strength > 0 or self.head_strength > 0


class L2SP(_TowardsStart):
    """alpha/2 ||w - w0||² on what was pretrained and moves, beta/2 ||w||² on a fresh head (Li et al. 2018, L2-SP).

    The paper's best alpha is 0.1, for thousands of steps of SGD; the default suits a hundred steps of AdamW.
    """

    kind: Literal["l2-sp"] = "l2-sp"
    strength: float = Field(
        3.0, ge=0, title="Strength (alpha)", description="How strongly each weight is pulled back to where it started."
    )


class L1SP(_TowardsStart):
    """alpha ||w - w0||_1 on what was pretrained and moves, beta/2 ||w||² on a fresh head (Li et al. 2018, L1-SP).

    Most weights come back to where they were, and few go far. With AdamW, whose steps do not see how large a gradient is, a
    weight at rest is shaken by about the learning rate rather than held exactly.
    """

    kind: Literal["l1-sp"] = "l1-sp"
    strength: float = Field(
        1e-3, ge=0, title="Strength (alpha)", description="How strongly each weight is pulled back to where it started."
    )


class EWC(_Term):
    """lambda/2 sum F_i (w_i - w0_i)²: what mattered to the old task is held more firmly (Kirkpatrick et al. 2017)."""

    kind: Literal["ewc"] = "ewc"
    strength: float = Field(
        300.0, ge=0, title="Strength (lambda)", description="How strongly weights are held, times how much each mattered."
    )
    fisher: Literal["sampled", "empirical"] = Field(
        "sampled",
        title="Labels of the Fisher information",
        description="sampled: drawn from the model's own answers; empirical: those that the source images have.",
    )
    images: int = Field(
        200, ge=1, le=100_000, title="Source images", description="What the Fisher information is measured on, at most."
    )

    @property
    def needs(self) -> tuple[Needs, ...]:
        return ("weights", "answers", "images")

    def holds_head(self, *, kept: bool = False) -> bool:
        return kept and self.strength > 0


class Distillation(_Term):
    """Keep the old head's answers on the new images as they were (LwF: Li & Hoiem 2016, Learning without Forgetting)."""

    kind: Literal["distillation"] = "distillation"
    strength: float = Field(
        1.0, ge=0, title="Strength", description="How much keeping the old answers counts beside learning the new ones."
    )
    temperature: float = Field(
        2.0, gt=0, le=100, title="Temperature", description="Above 1, answers that were unlikely count for more."
    )

    @property
    def needs(self) -> tuple[Needs, ...]:
        return ("answers",)


class Replay(_Term):
    """Source images mixed in: each step also keeps the old answers on a few images of the old task (Robins 1995).

    From ImageNet weights these are natural photographs without labels, and the pretrained network's own answers are the
    targets; where a run of one's own is the start, its training images with their labels.
    """

    kind: Literal["replay"] = "replay"
    strength: float = Field(1.0, ge=0, title="Strength", description="How much the source images count beside the new ones.")
    share: Annotated[float, Unit("of a batch")] = Field(
        0.5,
        gt=0,
        le=4,
        title="Source images in a step",
        description="How many are rehearsed in each step, beside the batch size.",
    )
    images: int = Field(
        400, ge=1, le=100_000, title="Source images", description="How many different ones are rehearsed, at most."
    )

    @property
    def needs(self) -> tuple[Needs, ...]:
        return ("answers", "images")


_Choices = NoPull | L2SP | L1SP | EWC | Distillation | Replay
Pull = Annotated[_Choices, Field(discriminator="kind")]
PULLS: dict[str, type[_Pull]] = {choice.model_fields["kind"].default: choice for choice in get_args(_Choices)}
