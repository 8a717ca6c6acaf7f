"""What a tensor of a network is: of a norm layer, a bias, of an adapter, or one weight among the others."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn

from tlcore.groups import Moves
from tlcore.models.adapter_layers import Bottleneck, LowRank


def norm_tensors(module: nn.Module) -> set[str]:
    """The names of the scales and shifts of `module`'s norm layers, of whichever library."""
    return {
        f"{name}.{tensor}" if name else tensor
        for name, child in module.named_modules()
        if "norm" in type(child).__name__.lower()
        for tensor, parameter in child.named_parameters(recurse=False)
        if parameter.ndim == 1
    }


def bias_tensors(module: nn.Module) -> set[str]:
    """The names of `module`'s biases, those of norm layers too, as BitFit counts them. A table of biases is none."""
    return {name for name, parameter in module.named_parameters() if name.endswith("bias") and parameter.ndim == 1}


def adapter_tensors(module: nn.Module) -> set[str]:
    """The names of the parameters of the adapters that were put into `module`."""
    return {
        f"{name}.{tensor}"
        for name, child in module.named_modules()
        if isinstance(child, LowRank | Bottleneck)
        for tensor, _ in child.named_parameters()
    }


def tensors_that_move(module: nn.Module, moves: Moves) -> Collection[str]:
    """The names of the parameters that move where a group trains as `moves` says, the head apart."""
    if moves == "weights":
        return [name for name, _ in module.named_parameters()]
    return {"norms": norm_tensors, "biases": bias_tensors, "adapters": adapter_tensors}[moves](module)
