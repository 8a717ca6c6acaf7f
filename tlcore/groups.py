"""Layer groups: the one vocabulary in which every page, figure and number speaks of depth.

Every parameter and buffer of a network is in exactly one named group. Groups are ordered from the image to the head;
the last one is always the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tlcore.errors import SpecError, UnknownName

Level = Literal["bottom", "middle", "top", "head"]
Moves = Literal["weights", "norms", "biases", "adapters"]  # what of a group moves: all of its weights, or some, or new ones
LEVELS: tuple[Level, ...] = ("bottom", "middle", "top", "head")
HEAD = "head"


@dataclass(frozen=True)
class Group:
    """One layer group: its name, where it stands, and what it holds."""

    name: str  # "stem", "stage 3", "blocks 7-9", "head"
    level: Level
    params: int  # number of weights
    batchnorms: int = 0  # number of BatchNorm layers
    norm_params: int = 0  # weights of norm layers
    bias_params: int = 0  # biases, those of norm layers too
    lora_unit: int = 0  # weights that LoRA adds for each unit of its rank
    lora_left_out: int = 0  # convolutions and linear layers that LoRA cannot be put on
    blocks: int = 0  # that a bottleneck adapter can go after
    block_channels: int = 0  # channels of their outputs, added up


def levels_of(backbone_groups: int) -> tuple[Level, ...]:
    """The level of each of `backbone_groups` groups (the head not counted): thirds, the middle taking what is left."""
    third = max(1, backbone_groups // 3)
    middle = backbone_groups - 2 * third
    if middle < 1:
        raise ValueError(f"a backbone needs at least 3 groups to have a bottom, a middle and a top, not {backbone_groups}")
    return ("bottom",) * third + ("middle",) * middle + ("top",) * third


def resolve(groups: Sequence[Group], name: str, *, last: bool = False) -> int:
    """The position of the group called `name`; a level's name means its first group (its last one with `last`)."""
    positions = [i for i, group in enumerate(groups) if name in (group.name, group.level)]
    if not positions:
        raise UnknownName("layer group", name, [group.name for group in groups] + list(LEVELS))
    return positions[-1] if last else positions[0]


def run_together(names: Sequence[str], order: Sequence[str]) -> str:
    """'stage 4 to stage 6' for three or more in a row of `order`, else 'stem', 'stem and stage 2', 'a, b and d'."""
    places = sorted(order.index(name) for name in names)
    found = [order[place] for place in places]
    if len(found) > 2 and places[-1] - places[0] == len(found) - 1:
        return f"{found[0]} to {found[-1]}"
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def check_groups(groups: Sequence[Group]) -> None:
    """Refuse a list of groups that the rest of the product could not speak about."""
    names = [group.name for group in groups]
    if len(set(names)) != len(names):
        raise SpecError(f"Layer groups must have different names, but these were given: {', '.join(names)}.")
    if not groups or groups[-1].name != HEAD or groups[-1].level != HEAD:
        raise SpecError(f"The last layer group must be the head, but these were given: {', '.join(names) or 'none'}.")
