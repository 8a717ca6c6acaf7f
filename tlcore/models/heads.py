"""Heads beside the linear one, as modules: features of one image -> logits. A linear head is torch's own `nn.Linear`.

Each has `inputs` and `classes`; `construct.draw_head` draws its weights. Sizes and sources: `tlcore/strategies/head.py`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlcore.errors import SpecError
from tlcore.strategies.head import DROPOUT, FIRST_SCALE, HIDDEN, KEYS, HeadKind

Layout = Literal["NCHW", "NHWC"]  # of a map with four dimensions; tokens (B, N, D) say it themselves


class Head(nn.Module):
    """Features -> logits (B, classes)."""

    kind: HeadKind
    scales: tuple[str, ...] = ()  # parameters that multiply the answers, and begin at a value of their own

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.inputs, self.classes = inputs, classes

    def start(self) -> None:
        """Set the weights that do not begin at zero or at random; called once the others are drawn."""


class MLPHead(Head):
    """Features (B, D) -> 256 hidden units, GELU, dropout 0.25 -> logits."""

    kind = "mlp"

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__(inputs, classes)
        self.hidden = nn.Linear(inputs, HIDDEN)
        self.activation = nn.GELU()
        self.dropout = nn.Dropout(DROPOUT)
        self.output = nn.Linear(HIDDEN, classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.output(self.dropout(self.activation(self.hidden(features))))


class CosineHead(Head):
    """Features (B, D) -> scale * cos(features, prototype of each class) (Gidaris & Komodakis 2018, section 3.2).

    The scale is learned from 10 on; there is no bias. It computes in float32 in every format: a cosine of bfloat16 has
    three digits, and the scale magnifies what they leave out.
    """

    kind = "cosine"
    scales = ("scale",)

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__(inputs, classes)
        self.prototypes = nn.Parameter(torch.empty(classes, inputs))
        self.scale = nn.Parameter(torch.empty(1))

    def start(self) -> None:
        self.scale.fill_(FIRST_SCALE)

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            directions = functional.normalize(features.float(), dim=1)
            return self.scale * functional.linear(directions, functional.normalize(self.prototypes, dim=1))


class AttentionHead(Head):
    """A map (B, D, H, W) or (B, H, W, D), or tokens (B, N, D) -> their weighted mean -> logits.

    The weights are the softmax over positions of w . tanh(V h) (Ilse, Tomczak & Welling 2018, equation 8, keys of length
    128). Unlike there the query w begins at zero, so that the head begins as average pooling.
    """

    kind = "attention"

    def __init__(self, inputs: int, classes: int, layout: Layout = "NCHW") -> None:
        super().__init__(inputs, classes)
        self.layout = layout
        self.keys = nn.Linear(inputs, KEYS, bias=False)
        self.query = nn.Parameter(torch.empty(KEYS))
        self.output = nn.Linear(inputs, classes)

    def positions(self, seen: Tensor) -> Tensor:
        """What the backbone shows, as (B, positions, D)."""
        if seen.ndim == 3:
            return seen
        return seen.flatten(2).transpose(1, 2) if self.layout == "NCHW" else seen.flatten(1, 2)

    def forward(self, seen: Tensor) -> Tensor:
        values = self.positions(seen)
        shares = torch.softmax(torch.tanh(self.keys(values)) @ self.query, dim=1)
        return self.output((shares.unsqueeze(2) * values).sum(1))


_KINDS: dict[HeadKind, type[Head]] = {"mlp": MLPHead, "cosine": CosineHead}


def make_head(kind: HeadKind, inputs: int, classes: int, layout: Layout = "NCHW") -> nn.Module:
    """A head of that kind with weights that are still to be drawn. The caller's random numbers go on as they were."""
    if inputs < 1 or classes < 1:
        raise SpecError(f"A head needs features and classes, not {inputs} and {classes}.")
    with torch.random.fork_rng(devices=[]):
        if kind == "linear":
            return nn.Linear(inputs, classes)
        return AttentionHead(inputs, classes, layout) if kind == "attention" else _KINDS[kind](inputs, classes)
