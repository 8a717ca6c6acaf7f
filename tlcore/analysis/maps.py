"""What each layer group gives out at every place of an image: a map of channels, however the network lays it out.

Hooks sit on one module of each group: the last of its outermost ones that runs and still tells places apart. Pooling, which
timm counts to the last group, tells none. Nothing is computed that the network does not compute anyway.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from tlcore.data.transforms import normalise
from tlcore.models.network import Network
from tlcore.training.machine import Machine


class Watcher(Protocol):
    """Whoever looks at maps while a network computes something."""

    def see(self, group: str, maps: Tensor) -> None:
        """The maps (B, h, w, C) of a batch: a view of what the network computed, to be read at once."""

    def passed(self, images: int) -> None:
        """The pass is complete. What was seen in one that failed half way is never followed by this."""


@contextlib.contextmanager
def watching(network: Network, machine: Machine, groups: Sequence[str], watcher: Watcher, *, image_size: int) -> Iterator[None]:
    """Within it `watcher` looks on at every forward pass of the network, whoever asks for it.

    A group without a map is never seen. The hooks are gone afterwards, whatever happens.
    """
    module = network.module
    with contextlib.ExitStack() as hooks:
        for group, top in _tops(network, machine, groups, image_size).items():
            hook = top.register_forward_hook(
                lambda _module, _inputs, output, group=group: watcher.see(group, as_map(output, module))
            )
            hooks.callback(hook.remove)
        end = module.register_forward_hook(lambda _module, inputs, _output: watcher.passed(len(inputs[0])))
        hooks.callback(end.remove)
        yield


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Within it every layer is in eval mode and no gradient is kept; afterwards each layer is in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def pictures(network: Network, machine: Machine, images: Tensor) -> Tensor:
    """uint8 images (B, S, S, 3) as the network wants them, on its machine."""
    look = network.preprocessing
    return normalise(images.to(machine.device), look.mean, look.std).contiguous(memory_format=torch.channels_last)


def as_map(output: object, module: nn.Module) -> Tensor | None:
    """The output of a layer of `module` as (B, h, w, C), a view where it can be one; None where it tells no places apart.

    Of four dimensions the two that are equal are height and width, as the images are square; where all three are equal timm's
    `output_fmt` decides. Tokens (B, T, C) are a square of patches after the class token and its like (`num_prefix_tokens`).
    """
    if not isinstance(output, Tensor):
        return None
    if output.ndim == 4:
        _, first, second, third = output.shape
        if first == second and (second != third or str(getattr(module, "output_fmt", "")) == "NHWC"):
            return output
        return output.permute(0, 2, 3, 1) if second == third else None
    if output.ndim == 3:
        for extra in (getattr(module, "num_prefix_tokens", 0), 0):
            patches = output.shape[1] - extra
            side = math.isqrt(max(0, patches))
            if side * side == patches > 0:
                return output[:, extra:].unflatten(1, (side, side))
    return None


def _tops(network: Network, machine: Machine, groups: Sequence[str], image_size: int) -> dict[str, nn.Module]:
    """The module of each group whose output is its map, found with one black picture.

    A map of one place gives way to an earlier one of several; where none has several it stands.
    """
    tops: dict[str, nn.Module] = {}
    places: dict[str, int] = {}

    def note(group: str, part: nn.Module, output: object) -> None:
        maps = as_map(output, network.module)
        if maps is None:
            return
        count = maps.shape[1] * maps.shape[2]
        if count > 1 or places.get(group, 1) == 1:
            tops[group], places[group] = part, count

    with contextlib.ExitStack() as hooks, evaluating(network.module):
        for group in groups:
            for part in outermost(network, group):
                hook = part.register_forward_hook(lambda part, _inputs, output, group=group: note(group, part, output))
                hooks.callback(hook.remove)
        network.module(pictures(network, machine, torch.zeros(1, image_size, image_size, 3, dtype=torch.uint8)))
    return {group: tops[group] for group in groups if group in tops}


def outermost(network: Network, group: str) -> list[nn.Module]:
    """The modules that are wholly in `group`, within none that is."""
    placed = network.partition.modules
    names = [name for name, own in placed.items() if own == group and placed.get(name.rpartition(".")[0]) != group]
    return [network.module.get_submodule(name) for name in names if name]
