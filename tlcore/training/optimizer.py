"""The optimizer of one phase: one set of parameters per layer group, each with the group's rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch

from tlcore.models.freezing import moving
from tlcore.models.network import Network
from tlcore.strategies import Phase
from tlcore.strategies.schedule import share_of_peak

OptimizerName = Literal["adamw", "sgd"]
MOMENTUM = 0.9  # of SGD


def build_optimizer(network: Network, phase: Phase, kind: OptimizerName, weight_decay: float) -> torch.optim.Optimizer:
    """An optimizer that holds the parameters that move in `phase`, and no others.

    Weights of one dimension (biases, norms) have no weight decay. Each phase starts with a fresh one: its averages are
    about other parameters, and steps of another size, than the last phase's.
    """
    sets = []
    moves = moving(network, phase)
    for group in network.groups:
        parameters = [parameter for name, parameter in network.parameters(group.name) if name in moves]
        matrices = [parameter for parameter in parameters if parameter.ndim > 1]
        vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
        for members, decay in ((matrices, weight_decay), (vectors, 0.0)):
            if members:
                sets.append({"params": members, "weight_decay": decay, "group": group.name, "lr": phase.rates[group.name]})
    if kind == "sgd":
        return torch.optim.SGD(sets, lr=1.0, momentum=MOMENTUM)
    return torch.optim.AdamW(sets, lr=1.0, fused=True)  # one kernel for all tensors, on a GPU and on a CPU


def set_rates(
    optimizer: torch.optim.Optimizer, phase: Phase, step: int, steps: int, shares: Mapping[str, float] | None = None
) -> dict[str, float | None]:
    """Give every group its rate at `step` (from 0) of the phase's `steps`; returns {group: rate or None where it keeps still}.

    `shares` are those of `measured_rates`: what each group has of its rate; a group that is not among them has all of it.
    """
    now = share_of_peak(phase.schedule, step, steps)
    of_peak = {group: now * (shares or {}).get(group, 1.0) for group in phase.rates}
    rates = {
        group: None if peak is None or not of_peak[group] else peak * of_peak[group] for group, peak in phase.rates.items()
    }
    for parameters in optimizer.param_groups:
        parameters["lr"] = rates[parameters["group"]] or 0.0
    return rates
