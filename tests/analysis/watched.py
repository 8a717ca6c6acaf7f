"""What tests of what layers see share: networks with random weights, and a look at their hooks."""

from __future__ import annotations

import torch
from torch import nn

from tlcore.models.network import Network, build
from tlcore.training.machine import Machine

CPU = Machine(torch.device("cpu"), "float32")


def hooks_of(module: nn.Module) -> int:
    """How many hooks hang on a module and the modules in it."""
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules())


def network_of(name: str, image_size: int) -> Network:
    """A backbone for two classes with random weights."""
    return build(name, classes=2, start="random", seed=0, image_size=image_size)
