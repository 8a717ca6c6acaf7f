"""Where the map of a layer group is read, and a window there through which a method sees channels and their gradients.

A window cuts the way back off below it and no weight takes gradients meanwhile (`held`), so that a frozen network is explained
as well as any, and a map near the head costs hardly more than an answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tlcore.analysis.maps import as_map, evaluating, outermost, pictures
from tlcore.errors import SpecError
from tlcore.models.memory import is_out_of_memory, nothing_fits
from tlcore.models.network import Network
from tlcore.training.machine import Machine

_BEFORE_ATTENTION = ".norm1"  # timm's word in every transformer block
_POOLS = (nn.MaxPool2d, nn.AvgPool2d)  # what stands before one has the same channels, and tells more places apart


@dataclass(frozen=True)
class Place:
    """Where the map of one layer group is read."""

    group: str
    module: str  # its name in the network: "layer4", "blocks.11.norm1"
    side: int  # the map has side x side places
    channels: int


def places(network: Network, machine: Machine, *, image_size: int) -> dict[str, Place]:
    """Group name -> where its map is read for square images of `image_size` pixels, from the image to the head.

    It is the output of the group's last module that tells places apart, a pooling at its end left out. A group of transformer
    blocks over tokens is read at the `norm1` of its last block, which is what its last attention looks at: after the network's
    last attention patches no longer reach the class token, and every gradient there is zero. Groups that tell no places apart
    are absent. Found with one black picture. Raises `SpecError` where the network cannot take images of that size.
    """
    found: dict[str, Place] = {}
    attending: set[str] = set()  # groups whose place is before an attention over tokens

    def note(group: str, name: str, output: object) -> None:
        maps = as_map(output, network.module)
        if maps is None or maps.shape[1] == 1:
            return
        if name.endswith(_BEFORE_ATTENTION):
            if output.ndim == 4:  # attention within windows: all of its maps reach the head
                return
            attending.add(group)
        elif group in attending:
            return
        found[group] = Place(group, name, maps.shape[1], maps.shape[3])

    with contextlib.ExitStack() as hooks, evaluating(network.module):
        for group in [group.name for group in network.groups[:-1]]:
            for name, part in _candidates(network, group).items():
                hook = part.register_forward_hook(
                    lambda _part, _inputs, output, group=group, name=name: note(group, name, output)
                )
                hooks.callback(hook.remove)
        black = torch.zeros(1, image_size, image_size, 3, dtype=torch.uint8)
        try:
            network.module(pictures(network, machine, black))
        except (RuntimeError, AssertionError, ValueError) as error:
            if isinstance(error, RuntimeError) and is_out_of_memory(error):
                raise nothing_fits() from error
            why = (str(error) or "no reason given").splitlines()[0]
            raise SpecError(
                f"This network cannot take images of {image_size} pixels: {why}",
                next_step="Explain images of the size that it was trained with.",
            ) from error
    return {group.name: found[group.name] for group in network.groups if group.name in found}


def _candidates(network: Network, group: str) -> dict[str, nn.Module]:
    """By name, the modules of `group` whose output could be its map."""
    inside = dict(network.module.named_modules())
    tops = [part for part in outermost(network, group) if not isinstance(part, _POOLS)]
    placed = network.partition.modules
    return {
        name: part
        for name, part in inside.items()
        if placed[name] == group and (name.endswith(_BEFORE_ATTENTION) or any(part is top for top in tops))
    }


class Window(nn.Module):
    """What a method sees at a place: the map (B, C, h, w), channels first in every architecture, at which gradients end."""

    maps: Tensor | None = None  # of the latest pass

    def forward(self, maps: Tensor) -> Tensor:
        self.maps = maps.detach().requires_grad_(torch.is_grad_enabled())
        return self.maps.clone()  # what comes next may work in place


@contextlib.contextmanager
def window(network: Network, place: Place) -> Iterator[Window]:
    """Within it every pass of the network goes through the window at `place`; its answers stay what they were."""
    opened = Window()

    def look(_module: nn.Module, _inputs: tuple[object, ...], output: Tensor) -> Tensor:
        maps = as_map(output, network.module)
        seen = opened(maps.permute(0, 3, 1, 2))
        if output.ndim == 3:
            patches = seen.flatten(2).transpose(1, 2)
            return torch.cat([output[:, : -patches.shape[1]], patches], 1)
        return seen.permute(0, 2, 3, 1) if maps is output else seen

    hook = network.module.get_submodule(place.module).register_forward_hook(look)
    try:
        yield opened
    finally:
        hook.remove()
