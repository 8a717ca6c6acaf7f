"""Look at a timm model outside the catalogue: `python -m tlcore.models.describe NAME` builds and keeps its card."""

from __future__ import annotations

from tlcore.models.cards import BackboneCard
from tlcore.models.catalogue import backbone_card


def describe(name: str) -> BackboneCard:
    """The card of any timm model."""
    return backbone_card(name)
