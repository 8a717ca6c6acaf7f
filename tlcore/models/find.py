"""A backbone by its name, any timm model included. No torch for those that are catalogued or have been looked at."""

from __future__ import annotations

from tlcore.errors import UnknownName
from tlcore.models.cards import BackboneCard
from tlcore.models.catalogue import backbone_card


def find_backbone(name: str) -> BackboneCard:
    """The card of a backbone; a timm model nobody has looked at yet is built once for it. Raises `UnknownName`."""
    try:
        return backbone_card(name)
    except UnknownName:
        from tlcore.models.describe import describe  # only here: it imports torch

        return describe(name)
