"""The old task: the network as it started, answering by the classifier that came with its weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlcore.errors import SpecError
from tlcore.models.network import Network
from tlcore.training.pull.refuse import WEIGHTS_ALONE
from tlcore.training.state import State


def old_head(network: Network, device: torch.device) -> nn.Module:
    """The old task's classifier, on the device. Raises `SpecError` where there is none for these weights."""
    if network.source_head is None:
        raise SpecError(
            "This pull keeps the old classifier's answers, but with these weights there is none that fits. "
            f"{network.provenance['text']}",
            next_step=f"{WEIGHTS_ALONE}, or other weights.",
        )
    return network.source_head.to(device)


def as_it_started(state: State, module: nn.Module, head: nn.Module) -> nn.Module:
    """A frozen copy of `module` (the network, or a suffix of it) from before the first step, in eval mode, ending in `head`.

    Wherever training stands: what has moved is taken from `state.start`. `head` itself is not copied.
    """
    known: dict[int, object] = {id(state.network.head): head}
    for name, tensor in state.movable.items():
        start = state.start[name]
        known[id(tensor)] = nn.Parameter(start, requires_grad=False) if isinstance(tensor, nn.Parameter) else start
    return copy.deepcopy(module, known).requires_grad_(False).eval()


def divergence(new: Tensor, old: Tensor, temperature: float = 1.0) -> Tensor:
    """T² KL(old ‖ new) of the answers softened by T, for logits (B, C) of either: float32 (B,).

    Hinton et al. 2015: the factor T² keeps the gradient's size whatever T is. The cross-entropy of the LwF paper differs by
    the entropy of `old`, on which no gradient depends; so here 0 means that nothing was forgotten.
    """
    log_new, log_old = ((logits.float().flatten(1) / temperature).log_softmax(1) for logits in (new, old))
    return temperature**2 * functional.kl_div(log_new, log_old, log_target=True, reduction="none").sum(1)
