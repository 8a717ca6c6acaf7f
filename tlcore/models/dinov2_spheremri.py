"""DINOv2 in Meta's names, turned into timm's `vit_small_patch14_reg4_dinov2`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def from_dinov2(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the registers, and move the class token's position into the token itself.

    Meta gives the class token a position embedding of its own, timm (with registers) gives positions to patches alone;
    the sum that enters the first block is the same. The mask token serves pretraining only and is left out.
    """
    renamed = {name: tensor for name, tensor in stored.items() if name not in ("mask_token", "register_tokens")}
    positions = stored["pos_embed"]
    renamed["cls_token"] = stored["cls_token"] + positions[:, :1]
    renamed["pos_embed"] = positions[:, 1:].contiguous()
    renamed["reg_token"] = stored["register_tokens"]
    return renamed
