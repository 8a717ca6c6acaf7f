"""The frozen prefix of a network, made as fast as this machine allows: what it computes is only ever looked at, not trained."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, fx

from tlcore.models.backward import in_place
from tlcore.models.cut import Cuts
from tlcore.models.folding import fold_batchnorms

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass
class Prefix:
    """Pictures (B, 3, S, S), normalised float32 -> the activations at the cuts below `groups`, in the prefix's precision."""

    module: fx.GraphModule
    groups: tuple[str, ...]
    precision: Precision

    def __call__(self, pictures: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode(), in_place(self.module):
            laid_out = pictures.to(getattr(torch, self.precision), memory_format=torch.channels_last)
            return self.module(laid_out)

    def in_precision(self, precision: Precision) -> Prefix:
        """The same prefix with its weights in another format. Make it from one in float32."""
        module = copy.deepcopy(self.module).to(getattr(torch, precision))
        return Prefix(module, self.groups, precision)


def prefix_of(cuts: Cuts, groups: Sequence[str], pictures: Tensor, *, fold: bool = True) -> Prefix:
    """The prefix that ends below `groups`, in float32: in eval mode, channels last, BatchNorm folded unless `fold` is off.

    `pictures` (B, 3, S, S), at least 2, normalised and on the network's device: on them the folded prefix is compared with the
    plain one. Unfolded, prefix followed by suffix is the network bit for bit.
    """
    module = cuts.prefix(groups).eval().requires_grad_(False)
    if fold:
        module = fold_batchnorms(module, pictures.contiguous(memory_format=torch.channels_last))
    return Prefix(module.to(memory_format=torch.channels_last), tuple(groups), "float32")
