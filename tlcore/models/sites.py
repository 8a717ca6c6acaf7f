"""Where adapters can go: found by sending an imaginary picture through a copy of the network that has shapes and no values.

LoRA goes beside linear layers and dense convolutions that the network calls. A bottleneck adapter goes after each block, which
is a module of a kind that timm's fine layer groups name; in a plain chain of layers (VGG) after each pooling.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import timm.layers
import torch
from timm.models._manipulate import group_with_matcher
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from tlcore.groups import HEAD, Group
from tlcore.models.partition import Partition

_LINEAR = (nn.Linear, timm.layers.Linear)
_CONVOLUTION = (nn.Conv2d, timm.layers.Conv2dSame)
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_FAILURES = (RuntimeError, NotImplementedError, TypeError, ValueError, AssertionError, AttributeError, LookupError)


@dataclass(frozen=True)
class Block:
    """What a block gives out."""

    channels: int
    last: bool  # whether they are the last dimension


@dataclass(frozen=True)
class Sites:
    """The places of one network, by the name of the module; those of the head are not among them."""

    lora: Mapping[str, int] = field(default_factory=dict)  # layer -> weights that LoRA adds for each unit of its rank
    left_out: Mapping[str, str] = field(default_factory=dict)  # layer -> what it is, in words
    blocks: Mapping[str, Block] = field(default_factory=dict)


def find_sites(module: nn.Module, groups: Mapping[str, str | None], image_size: int) -> Sites:
    """The places in `module`, whose modules are in `groups`, for square pictures of `image_size`.

    None at all where the network needs values, and not only shapes, to be followed.
    """
    try:
        shapes = _shapes(module, image_size)
    except _FAILURES:  # a model's own Python: it takes no adapters, and everything else goes on
        return Sites()
    lora, left_out = {}, {}
    for name, layer in module.named_modules():
        if groups[name] in (None, HEAD) or not isinstance(layer, nn.Linear | _ConvNd):
            continue
        unit = _lora_unit(layer)
        if isinstance(unit, int) and name in shapes:
            lora[name] = unit
        else:
            left_out[name] = unit if isinstance(unit, str) else "layer whose weights another module reads"
    return Sites(lora, left_out, _blocks(module, groups, shapes))


def with_sites(groups: Sequence[Group], placed: Mapping[str, str | None], sites: Sites) -> tuple[Group, ...]:
    """`groups` with what adapters would add to each; `placed` says in which group each module is."""

    def of(names: Mapping[str, object], group: Group) -> list[str]:
        return [name for name in names if placed[name] == group.name]

    return tuple(
        replace(
            group,
            lora_unit=sum(sites.lora[name] for name in of(sites.lora, group)),
            lora_left_out=len(of(sites.left_out, group)),
            blocks=len(of(sites.blocks, group)),
            block_channels=sum(sites.blocks[name].channels for name in of(sites.blocks, group)),
        )
        for group in groups
    )


def with_counts(found: Partition, known: Sequence[Group]) -> Partition:
    """`found`, its groups with the counts that `with_sites` gave to those of the same names, as a card keeps them."""
    counts = ("lora_unit", "lora_left_out", "blocks", "block_channels")
    measured = {group.name: {count: getattr(group, count) for count in counts} for group in known}
    return replace(found, groups=tuple(replace(group, **measured.get(group.name, {})) for group in found.groups))


def _shapes(module: nn.Module, image_size: int) -> dict[str, tuple[int, ...]]:
    """The shape of what each module gives out, where that is a tensor, for one picture."""
    tensors = [*module.parameters(), *module.buffers()]
    empty = {id(tensor): _without_values(tensor) for tensor in tensors}
    bare = copy.deepcopy(module, empty).eval()
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor):
            shapes[name] = tuple(output.shape)

    for name, child in bare.named_modules():
        child.register_forward_hook(lambda _module, _inputs, output, name=name: note(name, output))
    with torch.inference_mode():
        bare(torch.zeros(1, 3, image_size, image_size, device="meta"))
    return shapes


def _without_values(tensor: Tensor) -> Tensor:
    bare = tensor.detach().to("meta")
    return nn.Parameter(bare, requires_grad=False) if isinstance(tensor, nn.Parameter) else bare


def _lora_unit(layer: nn.Module) -> int | str:
    """Weights that LoRA adds to the layer for each unit of its rank, or what keeps it from having LoRA."""
    if type(layer) in _LINEAR:
        return layer.in_features + layer.out_features
    if getattr(layer, "groups", 1) > 1:
        return "depthwise or grouped convolution"
    if type(layer) in _CONVOLUTION:
        return layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1] + layer.out_channels
    return "layer of a kind of its own"


def _blocks(module: nn.Module, groups: Mapping[str, str | None], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Block]:
    modules = dict(module.named_modules())
    kinds = _kinds_of_blocks(module, modules)
    named = [name for name, child in modules.items() if type(child) in kinds] or _ends_of_stages(module)
    usable = [name for name in named if groups[name] not in (None, HEAD) and len(shapes.get(name, ())) in (3, 4)]
    innermost = [name for name in usable if not any(other.startswith(f"{name}.") for other in usable)]  # of stages, the blocks
    return {name: _block(shapes[name]) for name in innermost}


def _kinds_of_blocks(module: nn.Module, modules: Mapping[str, nn.Module]) -> set[type]:
    """The classes of the modules that timm's fine groups consist of, the first of which is the stem."""
    if not hasattr(module, "group_matcher"):
        return set()
    names = [(name, name) for name, _ in module.named_parameters()]
    matched = group_with_matcher(iter(names), module.group_matcher())
    shared = [_shared([name.split(".")[:-1] for name in matched[piece]]) for piece in sorted(matched)[1:]]
    innermost = [name for name in shared if not any(other.startswith(f"{name}.") for other in shared)]
    pieces = [modules[name] for name in innermost if name]
    blocks = [child for piece in pieces for child in (piece.children() if isinstance(piece, _CONTAINERS) else [piece])]
    return {type(block) for block in blocks if not isinstance(block, _CONTAINERS) and any(True for _ in block.children())}


def _shared(names: Sequence[Sequence[str]]) -> str:
    """The name of the innermost module that all of `names`, in parts, are in."""
    return ".".join(parts[0] for parts in itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*names, strict=False)))


def _ends_of_stages(module: nn.Module) -> list[str]:
    features = getattr(module, "features", None)
    if not isinstance(features, nn.Sequential):
        return []
    return [f"features.{name}" for name, child in features.named_children() if isinstance(child, nn.MaxPool2d)]


def _block(shape: tuple[int, ...]) -> Block:
    """Pictures are square, so of four dimensions the two that are equal are height and width."""
    last = len(shape) == 3 or shape[2] != shape[3]
    return Block(shape[-1] if last else shape[1], last)
