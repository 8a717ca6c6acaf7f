"""Pretrained weights: where they are looked for, and what is said when none can be had. Never silently random ones."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from tlcore.errors import WeightsUnavailable
from tlcore.models.cards import BackboneCard, Layout, Preprocessing
from tlcore.progress import Progress, silent


@dataclass(frozen=True)
class Weights:
    """The tensors of one source in timm's names, and what they are."""

    tensors: dict[str, Tensor]
    classes: int | None  # of the classifier that came along
    preprocessing: Preprocessing
    provenance: dict[str, str | None]  # source, text, sha256, licence
    layout: Layout = "timm"


def find_weights(card: BackboneCard, wanted: str | None, *, progress: Progress = silent) -> Weights:
    """The weights of `card` from its first source that can be had, or from the one that `wanted` names."""
    raise WeightsUnavailable(
        f"The pretrained weights of {card.title} cannot be fetched yet.", next_step="Start from random weights."
    )


def load(module: nn.Module, weights: Weights, *, classifier: bool) -> None:
    """Put `weights` into `module`, the classifier's as well where it is asked for."""
    raise NotImplementedError
