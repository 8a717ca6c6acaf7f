"""Which methods a network can be explained by, and why not by the others."""

from __future__ import annotations

import timm.layers
from torch import nn

from tlcore.explain.guided import RELU
from tlcore.explain.methods import METHODS, Method
from tlcore.explain.rollout import attentions
from tlcore.groups import HEAD
from tlcore.models.network import Network

_OTHER_ACTIVATIONS = (
    *(nn.SiLU, nn.GELU, nn.Hardswish, nn.Mish, nn.ELU, nn.SELU, nn.CELU, nn.LeakyReLU, nn.PReLU, nn.Softplus),
    *(timm.layers.Swish, timm.layers.HardSwish, timm.layers.Mish, timm.layers.HardMish, timm.layers.GELU),
    *(timm.layers.GELUTanh, timm.layers.QuickGELU),
)


def why_not(method: Method, network: Network) -> str | None:
    """A sentence where `method` does not work on `network`, else None."""
    if method.needs == "relu":
        body = [network.module.get_submodule(name) for name, group in network.partition.modules.items() if group != HEAD]
        others = sorted({type(part).__name__ for part in body if isinstance(part, _OTHER_ACTIVATIONS)})
        if others or not any(isinstance(part, RELU) for part in body):
            what = f"has {' and '.join(others)}" if others else "has none"
            return f"{method.title} is made for networks whose activations are ReLU or ReLU6; this one {what}."
    if method.needs == "tokens" and not any(attentions(network, group.name) for group in network.groups[:-1]):
        return f"{method.title} follows attention between the patches of a plain vision transformer; this network has none."
    return None


def usable(network: Network) -> dict[str, str | None]:
    """Every method's name -> None where it works on `network`, else why not."""
    return {name: why_not(method, network) for name, method in METHODS.items()}
