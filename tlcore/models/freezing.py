"""Freezing: what may move in a phase, in which mode every module runs, and how far the weights have gone.

`requires_grad=False` is not enough: a frozen BatchNorm in train mode still moves its running mean and variance, and
dropout and stochastic depth still draw. So every module of a frozen group is in eval mode.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.models.network import Network
from tlcore.strategies import Phase


def apply_phase(network: Network, phase: Phase) -> None:
    """Let the parameters of the groups that `phase` trains move, no others, and set the modes."""
    for name, parameter in network.module.named_parameters():
        trains = phase.trains(network.partition.tensors[name])
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
    """How far each group has moved: ‖w − w₀‖ / ‖w₀‖ over its parameters, in float64 sums.

    `initial` has the parameters as they were, by name, of every group that may have moved; a group of which it has none is
    taken to be where it was. Where ‖w₀‖ is 0 a ratio says nothing, and ‖w − w₀‖ itself is given.
    """
    moved = dict.fromkeys((group.name for group in network.groups), 0.0)
    size = dict(moved)
    for name, parameter in network.module.named_parameters():
        if name in initial:
            group = network.partition.tensors[name]
            before = initial[name].to(parameter.device)
            moved[group] += _square(parameter.detach() - before)
            size[group] += _square(before)
    return {group: (moved[group] / size[group] if size[group] else moved[group]) ** 0.5 for group in moved}


def _square(tensor: Tensor) -> float:
    return torch.linalg.vector_norm(tensor, dtype=torch.float64).item() ** 2
