"""The adapters themselves: small modules that live inside a layer or a block, whose own tensors keep their names.

A layer with an adapter has another class, made of its own one and a mixin here, as torch's parametrizations do it. So whatever
the network calls, and whatever it reads of the layer, stays where it was.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn


class LowRank(nn.Module):
    """x -> alpha / rank * up(down(x)): a change of a layer's weights of at most `rank` (Hu et al. 2022).

    Of a convolution, `down` has its kernel, stride and padding, and `up` is 1 x 1.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.scale = alpha / rank
        self.dropout = nn.Dropout(dropout)
        if isinstance(layer, nn.Linear):
            self.down: nn.Module = nn.Linear(layer.in_features, rank, bias=False)
            self.up: nn.Module = nn.Linear(rank, layer.out_features, bias=False)
        else:
            kind = Conv2dSame if isinstance(layer, Conv2dSame) else nn.Conv2d
            self.down = kind(
                layer.in_channels, rank, layer.kernel_size, layer.stride, layer.padding, layer.dilation, bias=False
            )
            self.up = nn.Conv2d(rank, layer.out_channels, 1, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.up(self.down(self.dropout(inputs))) * self.scale

    def draw(self, generator: torch.Generator) -> None:
        """`down` as torch draws a linear layer, `up` 0: at first the layer's answers are what they were."""
        draw_down(self.down.weight, generator)
        nn.init.zeros_(self.up.weight)

    def change(self) -> Tensor:
        """What the layer's weight is changed by, in its shape."""
        return product(self.up.weight, self.down.weight) * self.scale


def product(up: Tensor, down: Tensor) -> Tensor:
    """(out, rank, ...) and (rank, in, ...) -> (out, in, ...)."""
    return (up.detach().flatten(1) @ down.detach().flatten(1)).view(len(up), *down.shape[1:])


class Bottleneck(nn.Module):
    """x -> x + up(relu(down(x))) over the channels (Houlsby et al. 2019, with a ReLU for the nonlinearity).

    Departures: the paper puts two into each transformer block, after attention and after the MLP, and trains the LayerNorms
    too; here one stands after each block of any kind, and norms stay as they are. `up` begins at 0, not near it.

    `last` tells that the channels are the last dimension of x, as in (B, tokens, C), and not its second, as in (B, C, H, W).
    """

    def __init__(self, channels: int, width: int, *, last: bool) -> None:
        super().__init__()
        self.down: nn.Module = nn.Linear(channels, width) if last else nn.Conv2d(channels, width, 1)
        self.up: nn.Module = nn.Linear(width, channels) if last else nn.Conv2d(width, channels, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.up(torch.relu(self.down(inputs)))

    def draw(self, generator: torch.Generator) -> None:
        """`down` as torch draws a linear layer, its bias and all of `up` 0: at first the block's answers are what they were."""
        draw_down(self.down.weight, generator)
        for tensor in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(tensor)


def draw_down(weight: Tensor, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(weight[0].numel())
    with torch.no_grad():
        weight.copy_(torch.empty(weight.shape).uniform_(-bound, bound, generator=generator))


class Adapted:
    """A layer or block that has an adapter, or whose weights are kept in another form: seen from outside, one operation."""


class _WithLowRank(Adapted):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs) + self.low_rank(inputs)


class _WithBottleneck(Adapted):
    def forward(self, *args: object, **options: object) -> Tensor:
        return self.bottleneck(super().forward(*args, **options))


@cache
def _joined(mixin: type, kind: type) -> type:
    return type(f"{kind.__name__}{mixin.__name__}", (mixin, kind), {"__module__": __name__})


def mix_in(module: nn.Module, mixin: type) -> None:
    """Give `module` the class that is `mixin` before its own."""
    module.__class__ = _joined(mixin, type(module))


def put_low_rank(layer: nn.Linear | nn.Conv2d, adapter: LowRank) -> None:
    layer.low_rank = adapter
    mix_in(layer, _WithLowRank)


def put_bottleneck(block: nn.Module, adapter: Bottleneck) -> None:
    block.bottleneck = adapter
    mix_in(block, _WithBottleneck)
