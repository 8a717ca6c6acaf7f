"""The first filters: the weights with which a network looks at the image's own colours.

They are the one layer whose weights can be seen as they are: each filter has the three colours of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from tlcore.models.network import Network

COLOURS = 3


@dataclass(frozen=True)
class Filters:
    """The filters of a network's first convolution, or of a transformer's patch embedding, which is one too."""

    weights: np.ndarray  # float32 (K, h, w, 3)
    layer: str  # its name in the network
    patches: bool  # whether its steps are as wide as it is, so that it cuts the image into patches


def first_filters(network: Network) -> Filters | None:
    """The filters of the first layer that looks at all three colours; None where that is no plain convolution."""
    for name, layer in network.module.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels == COLOURS and layer.groups == 1:
            weights = layer.weight.detach().float().cpu().permute(0, 2, 3, 1).numpy()
            return Filters(np.ascontiguousarray(weights), name, patches=tuple(layer.stride) == tuple(layer.kernel_size))
    return None
