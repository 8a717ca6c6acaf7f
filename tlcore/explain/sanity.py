"""Do maps hang on what the network learned? Cascading randomization of its weights (Adebayo et al. 2018).

From the head down one group after another is drawn anew, those above staying random, and the maps of the same pictures are
compared with those of the trained network. A method whose maps hardly change draws the picture, and not what the network makes
of it.

Convolutions and linear layers are drawn as He et al. (2015) do, biases are zero, norms the identity, and any other parameter
(a position embedding, say) has its own values shuffled. One departure from the paper: BatchNorm layers that are drawn anew
measure their means and variances on the pictures at hand. With those of the old weights, or with none, signals die out or
explode on their way, and the maps would change for that reason alone.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.analysis.maps import evaluating, pictures
from tlcore.errors import SpecError
from tlcore.explain.maps import explain
from tlcore.explain.places import Place
from tlcore.explain.similarity import similarity, spearman
from tlcore.models.memory import free, is_out_of_memory, nothing_fits
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.training.machine import Machine

MEASURED_ON = 32  # pictures that the statistics of redrawn BatchNorm layers are measured on
FEWEST = 2  # pictures of a batch that is normalised by itself


def randomized(
    network: Network,
    machine: Machine,
    images: np.ndarray,
    *,
    method: str = "gradcam",
    place: str | Place | None = None,
    targets: np.ndarray | None = None,
    against: np.ndarray | None = None,
    seed: int = 0,
    clusters: Sequence[str] | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """How alike the maps still are once each group, and all above it, is random: a row for each group, the head first.

    A row is {group, spearman, ssim: METRIC over the images, images, silent, between (`between_pictures` of the trained maps)}.
    The classes explained are `targets`, or what the trained network predicts, throughout, held against `against` where it is
    given. All of it happens on a copy, so `network` is never touched, whatever fails.
    """
    if len(images) < FEWEST:
        raise SpecError("A comparison with random weights takes 2 pictures or more.", next_step="Choose more pictures.")
    trained = explain(network, machine, images, method=method, place=place, targets=targets, against=against)
    between = between_pictures(trained.values)
    rows = []
    for done, (group, changed) in enumerate(cascade(network, machine, images, seed=seed), start=1):
        maps = explain(changed, machine, images, method=method, place=trained.place, targets=trained.targets, against=against)
        alike = similarity(trained.values, maps.values, seed=seed, clusters=clusters)
        rows.append({"group": group, **alike, "between": between})
        progress("Comparing with random weights", done, len(network.groups), "groups")
    return rows


def between_pictures(maps: np.ndarray) -> float | None:
    """How alike the maps (N, h, w) of different pictures are: the mean rank correlation of each with the next one's.

    What randomized maps are held against: a similarity below it holds nothing of the picture and the weights together, only
    what the network does everywhere. None where no two neighbours can be compared.
    """
    values = spearman(maps, np.roll(maps, 1, axis=0)) if len(maps) > 1 else np.empty(0)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None


def cascade(network: Network, machine: Machine, images: np.ndarray, *, seed: int) -> Iterator[tuple[str, Network]]:
    """A copy of `network` after each group, from the head down, is drawn anew by `seed`: the same copy, changed further."""
    changed = replace(network, module=copy.deepcopy(network.module), source_head=None)
    for place, group in enumerate(reversed([group.name for group in network.groups])):
        redraw(changed, group, seed=seed + 1_000 * place)
        _measure(changed, machine, images[:MEASURED_ON], group)
        yield group, changed


def redraw(network: Network, group: str, *, seed: int) -> None:
    """Draw every parameter of `group` anew, in place."""
    generator = torch.Generator().manual_seed(seed)
    owners = {
        f"{name}.{own}".lstrip("."): module for name, module in network.module.named_modules() for own in module._parameters
    }
    with torch.no_grad():
        for name, parameter in network.parameters(group):
            parameter.copy_(_drawn(owners[name], name.rpartition(".")[2], parameter.detach().cpu(), generator))
        for name, codes in network.buffers(group):
            if name.endswith(".nf4_codes"):  # a weight that is kept in 4 bits
                codes.copy_(_shuffled(codes.cpu(), generator))


def _drawn(owner: nn.Module, name: str, values: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    plain = isinstance(owner, (nn.modules.conv._ConvNd, nn.Linear))
    if name == "weight" and plain:
        return nn.init.kaiming_normal_(torch.empty_like(values), nonlinearity="relu", generator=generator)
    if name == "bias" and values.ndim == 1:
        return torch.zeros_like(values)
    if name == "weight" and values.ndim == 1:
        return torch.ones_like(values)
    return _shuffled(values, generator)


def _shuffled(values: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return values.flatten()[torch.randperm(values.numel(), generator=generator)].view_as(values)


def _measure(network: Network, machine: Machine, images: np.ndarray, group: str) -> None:
    """Let the BatchNorm layers of `group` take their statistics from one pass of the pictures, whole or by halves."""
    layers = [module for module in network.modules(group) if isinstance(module, _BatchNorm) and module.running_mean is not None]
    if not layers:
        return
    with evaluating(network.module), _averaging(layers):
        at_once, measured = len(images), False
        while not measured:
            for layer in layers:
                layer.reset_running_stats()
            try:
                for batch in np.array_split(images, max(1, len(images) // at_once)):
                    network.module(pictures(network, machine, torch.from_numpy(np.array(batch))))
                measured = True
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if at_once == FEWEST:
                    raise nothing_fits() from error
            if not measured:
                at_once = max(FEWEST, at_once // 2)
                free(machine)


@contextlib.contextmanager
def _averaging(layers: Sequence[_BatchNorm]) -> Iterator[None]:
    """Within it the layers normalise each batch by itself, and keep the plain mean of what they saw."""
    before = [(layer, layer.momentum) for layer in layers]
    for layer in layers:
        layer.momentum = None
        layer.train()
    try:
        yield
    finally:
        for layer, momentum in before:
            layer.momentum = momentum
