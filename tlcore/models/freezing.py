"""Freezing: what may move in a phase, in which mode every module runs, and how far the weights have gone.

`requires_grad=False` is not enough: a frozen BatchNorm in train mode still moves its running mean and variance, and
dropout and stochastic depth still draw. So every module of a frozen group is in eval mode.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.groups import HEAD
from tlcore.models.adapter_layers import LowRank, product
from tlcore.models.kinds import tensors_that_move
from tlcore.models.network import Network
from tlcore.strategies import Phase


def moving(network: Network, phase: Phase) -> dict[str, nn.Parameter]:
    """The parameters that move in `phase`, by name: of the head all, of the other groups that train what `phase.moves` says."""
    chosen = set(tensors_that_move(network.module, phase.moves))
    group_of = network.partition.tensors
    return {
        name: parameter
        for name, parameter in network.module.named_parameters()
        if phase.trains(group_of[name]) and (group_of[name] == HEAD or name in chosen)
    }


def apply_phase(network: Network, phase: Phase) -> None:
    """Let the parameters that move in `phase` move, no others, and set the modes."""
    moves = moving(network, phase)
    for name, parameter in network.module.named_parameters():
        trains = name in moves
        parameter.requires_grad_(trains)
        if not trains:
            parameter.grad = None  # of an earlier phase: an optimiser would still apply it
    set_modes(network, phase)


def set_modes(network: Network, phase: Phase) -> None:
    """Put each module into train or eval mode as `phase` says; call it after every `module.train()` or `.eval()`.

    A frozen group is in eval mode throughout. A trainable one is in train mode, except that its BatchNorm layers are in
    eval mode where the phase says so: they keep the running mean and variance, and still train weight and bias. A
    container that holds parts of several groups is in train mode only where all groups train.
    """
    all_train = all(phase.trains(group.name) for group in network.groups)
    for name, module in network.module.named_modules():
        group = network.partition.modules[name]
        if group is None:
            module.training = all_train
        elif isinstance(module, _BatchNorm):
            module.training = phase.trains(group) and phase.batchnorm[group] == "train"
        else:
            module.training = phase.trains(group)


def state_of(network: Network, groups: Collection[str] | None = None) -> dict[str, Tensor]:
    """A copy on the CPU of the tensors that make up `groups` (all of them by default), by name, as safetensors wants them.

    Parameters and those buffers that belong to the module's state: running statistics do, a table of indices does not.
    """
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in network.module.state_dict().items()
        if groups is None or network.partition.tensors[name] in groups
    }


def changed(network: Network, initial: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `state_of(network)` that are not bit for bit what `initial` (an earlier `state_of`) says."""
    return {name: tensor for name, tensor in state_of(network).items() if not torch.equal(tensor, initial[name])}


def drift(network: Network, initial: Mapping[str, Tensor]) -> dict[str, float]:
    """How far each group has moved: ‖w − w₀‖ / ‖w₀‖ over all of its parameters, in float64 sums.

    `initial` has those that may have moved as they were, by name; the others are taken to be where they were. LoRA counts by
    what it changes, the product that is added to a layer's weight. Where ‖w₀‖ is 0 a ratio says nothing, and ‖w − w₀‖ itself
    is given.
    """
    moved = dict.fromkeys((group.name for group in network.groups), 0.0)
    size = dict(moved)
    group_of = network.partition.tensors
    low_rank = {name: module for name, module in network.module.named_modules() if isinstance(module, LowRank)}
    may_have = {group_of[name] for name in initial if name in group_of}
    for name, parameter in network.module.named_parameters():
        group = group_of[name]
        if group not in may_have or name.rpartition(".")[0].rpartition(".")[0] in low_rank:
            continue
        before = initial[name].to(parameter.device) if name in initial else parameter.detach()
        moved[group] += _square(parameter.detach() - before) if name in initial else 0.0
        size[group] += _square(before)
    for name, adapter in low_rank.items():
        up, down = f"{name}.up.weight", f"{name}.down.weight"
        if up in initial:
            before = product(initial[up], initial[down]).to(adapter.up.weight.device) * adapter.scale
            moved[group_of[up]] += _square(adapter.change() - before)
            layer = network.module.get_submodule(name.rpartition(".")[0])
            if "weight" not in layer._parameters:  # it is kept in 4 bits
                size[group_of[up]] += _square(layer.weight)
    return {group: (moved[group] / size[group] if size[group] else moved[group]) ** 0.5 for group in moved}


def _square(tensor: Tensor) -> float:
    return torch.linalg.vector_norm(tensor, dtype=torch.float64).item() ** 2
