"""A network while something is measured in it: it answers as in an evaluation, and afterwards it is as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from tlcore.models.network import Network


@contextlib.contextmanager
def held(network: Network, *, gradients: bool = True) -> Iterator[None]:
    """Within it every module is in eval mode and every weight takes `gradients`; both are put back, whatever happens."""
    modes = [(module, module.training) for module in network.module.modules()]
    takes = [(parameter, parameter.requires_grad) for parameter in network.module.parameters()]
    try:
        network.module.eval()
        for parameter, _ in takes:
            parameter.requires_grad_(gradients and parameter.is_floating_point())
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, takes_gradients in takes:
            parameter.requires_grad_(takes_gradients)


def device_of(network: Network) -> torch.device:
    """Where its weights are."""
    return next(network.module.parameters()).device
