"""What an explanation could leave behind in a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def traces(module: nn.Module) -> dict[str, Any]:
    """Hooks, modes, flags, gradients, in-place activations, and every number in it."""
    parts, parameters = list(module.modules()), list(module.parameters())
    return {
        "hooks": [len(getattr(part, kind)) for part in parts for kind in HOOKS],
        "tensor hooks": [len(parameter._backward_hooks or ()) for parameter in parameters],
        "modes": [part.training for part in parts],
        "classes": [type(part) for part in parts],
        "takes gradients": [parameter.requires_grad for parameter in parameters],
        "gradients": [None if parameter.grad is None else parameter.grad.clone() for parameter in parameters],
        "in place": [getattr(part, "inplace", None) for part in parts],
        "tensors": [tensor.clone() for tensor in module.state_dict().values()],
    }


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Which of them changed."""
    return [name for name in before if not _equal(before[name], after[name])]


def _equal(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a is b or a == b
        for a, b in zip(one, other, strict=True)
    )
