"""Adapters put into a network, and taken into its weights again.

`insert` is the one place where they are put in: after the weights are loaded, before the network goes to its machine and the
plan is compiled. The network's own tensors keep their names and its groups stay the groups they were; an adapter belongs to the
group of the layer or block that it is in.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from tlcore.errors import ThawError
from tlcore.models.adapter_layers import Bottleneck, LowRank, put_bottleneck, put_low_rank
from tlcore.models.network import Network
from tlcore.models.nf4 import keep_in_nf4
from tlcore.models.sites import Sites, find_sites
from tlcore.strategies import scope as scopes
from tlcore.strategies.scope import Scope


def insert(network: Network, scope: Scope, *, seed: int, image_size: int) -> tuple[str, ...]:
    """Put the adapters of `scope` into `network`, drawn from `seed`, and return what must be said about them, in sentences.

    The network's answers stay what they were, bit for bit, unless its weights are kept in 4 bits from here on (QLoRA). Scopes
    without adapters change nothing. Raises `SpecError` where there is no place for them or a package is missing.
    """
    if scope.moves != "adapters":
        return ()
    groups = scope.trainable(network.groups)
    placed = network.partition.modules
    sites = find_sites(network.module, placed, image_size)
    notes: tuple[str, ...] = ()
    if isinstance(scope, scopes.Bottleneck):
        for name, block in sites.blocks.items():
            if placed[name] in groups:
                adapter = Bottleneck(block.channels, scope.width, last=block.last)
                _put(network.module.get_submodule(name), adapter, name, seed)
    else:
        if isinstance(scope, scopes.QLoRA):
            keep_in_nf4([network.module.get_submodule(name) for name in sites.lora])
            notes = (f"{len(sites.lora)} layers keep their weights in 4 bits (NF4), so the start is not quite the base.",)
        for name in sites.lora:
            if placed[name] in groups:
                layer = network.module.get_submodule(name)
                _put(layer, LowRank(layer, scope.rank, scope.alpha, scope.dropout), name, seed)
        notes += _left_out(network, sites, groups)
    _extend_partition(network)
    return notes


def merged(network: Network) -> dict[str, Tensor]:
    """The tensors of `network` under the names of the plain one, on the CPU, LoRA's changes added to the weights.

    Loaded into a network without adapters they give the same answers, up to rounding. Raises `ThawError` for bottleneck
    adapters: with a ReLU in between they cannot become part of a weight.
    """
    inside = dict(network.module.named_modules())
    if any(isinstance(module, Bottleneck) for module in inside.values()):
        raise ThawError(
            "Bottleneck adapters cannot be merged into the weights: there is a ReLU within each.",
            next_step="Keep them in the network, or train with LoRA, which can be merged.",
        )
    low_rank = {name.rpartition(".")[0]: module for name, module in inside.items() if isinstance(module, LowRank)}
    own = {name: tensor for name, tensor in network.module.state_dict().items() if ".low_rank." not in name}
    plain = {name: tensor for name, tensor in own.items() if ".nf4_" not in name}
    plain |= {f"{name.rpartition('.')[0]}.weight": inside[name.rpartition(".")[0]].weight for name in own if ".nf4_" in name}
    for name, adapter in low_rank.items():
        plain[f"{name}.weight"] = plain[f"{name}.weight"] + adapter.change()
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in plain.items()}


def _put(module: nn.Module, adapter: LowRank | Bottleneck, name: str, seed: int) -> None:
    adapter.draw(_generator(seed, name))
    like = next(module.parameters(), None)
    adapter.to(like.device if like is not None else None).train(module.training)
    (put_low_rank if isinstance(adapter, LowRank) else put_bottleneck)(module, adapter)


def _generator(seed: int, name: str) -> torch.Generator:
    """Random numbers of one adapter's own: they do not depend on which others there are."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7]))


def _left_out(network: Network, sites: Sites, groups: Sequence[str]) -> tuple[str, ...]:
    kinds = Counter(what for name, what in sites.left_out.items() if network.partition.modules[name] in groups)
    return tuple(
        f"LoRA leaves out {count} {what}{'' if count == 1 else 's'}, which {'stays' if count == 1 else 'stay'} frozen."
        for what, count in kinds.items()
    )


def _extend_partition(network: Network) -> None:
    """Give what has been put in the group of the module that it is in; forget what is no longer there."""
    known = network.partition
    module = network.module

    def group_of(name: str) -> str | None:
        while name not in known.modules:
            name = name.rpartition(".")[0]
        return known.modules[name]

    names = [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
    tensors = {name: known.tensors.get(name) or group_of(name.rpartition(".")[0]) for name in names}
    modules = {name: group_of(name) for name, _ in module.named_modules()}
    network.partition = replace(known, tensors=tensors, modules=modules)
