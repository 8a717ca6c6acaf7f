"""The small network of the transferability experiment: seven convolutions and a linear head, eight layers as in AlexNet.

It is plain on purpose: no skip connections, since a cut must go through one wire, and no BatchNorm unless asked for. What
the experiment looks for, neighbouring layers that only work together (co-adaptation), was found in a plain network; BatchNorm
makes the layers above a frozen one easier to train again, and brings along statistics that need a rule of their own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tlcore.analysis.transferability_plan import LAYERS
from tlcore.data.transforms import normalise

_MEAN, _STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)  # the same for both halves, whatever is in them


class SmallNetwork(nn.Module):
    """`layers` (convolution, perhaps BatchNorm, ReLU), the mean over places, and a linear `head`.

    All that it starts with is a function of `start`, of each layer's place, and of nothing else: networks with the same start
    have the same layers, however many classes their heads have (He et al. 2015 for the convolutions).
    """

    def __init__(self, classes: int, *, batchnorm: bool, start: int) -> None:
        super().__init__()
        chance = torch.Generator().manual_seed(start)
        self.layers = nn.ModuleList()
        inputs = 3
        for channels, stride in LAYERS:
            convolution = nn.utils.skip_init(nn.Conv2d, inputs, channels, 3, stride, 1, bias=not batchnorm)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu", generator=chance)
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
            norm = [nn.BatchNorm2d(channels)] if batchnorm else []
            self.layers.append(nn.Sequential(convolution, *norm, nn.ReLU()))
            inputs = channels
        self.head = nn.utils.skip_init(nn.Linear, inputs, classes)
        nn.init.normal_(self.head.weight, std=1 / math.sqrt(inputs), generator=chance)
        nn.init.zeros_(self.head.bias)

    def below(self, images: Tensor, cut: int) -> Tensor:
        """What the lowest `cut` layers make of uint8 (B, S, S, 3): the input of `above`, float32 (B, C, H, W)."""
        values = normalise(images, _MEAN, _STD)
        for layer in self.layers[:cut]:
            values = layer(values)
        return values

    def above(self, values: Tensor, cut: int) -> Tensor:
        """Logits (B, classes) from what came out of the lowest `cut` layers."""
        for layer in self.layers[cut:]:
            values = layer(values)
        return self.head(values.mean((2, 3)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of uint8 (B, S, S, 3)."""
        return self.above(self.below(images, 0), 0)

    def take_over(self, source: SmallNetwork, cut: int) -> None:
        """Copy the lowest `cut` layers of `source`, with BatchNorm's statistics where there are any."""
        for mine, theirs in zip(self.layers[:cut], source.layers[:cut], strict=True):
            mine.load_state_dict(theirs.state_dict())
