"""Layer groups in a real network: every parameter, buffer and module in one group, in the order of the forward pass.

timm declares for each model which tensors belong together (`group_matcher`). Three things are changed here. The head is
the classifier alone: what timm counts to it besides (a last norm, a last convolution) goes to the last group of the
backbone. A plain stack of equal blocks (a ViT) is cut into quarters. And where more than seven groups are left, the two
neighbours with the fewest weights are joined until seven remain, and are named after both.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from timm.models._manipulate import group_with_matcher
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.errors import SpecError
from tlcore.groups import HEAD, Group, Level, levels_of
from tlcore.models.heads import Head
from tlcore.models.kinds import bias_tensors, norm_tensors

MOST_GROUPS = 7  # of a backbone, the head not counted
FEWEST_GROUPS = 3  # so that there is a bottom, a middle and a top
QUARTERS = 4
EQUAL = 1.05  # blocks whose sizes differ by no more than this factor are one plain stack


@dataclass(frozen=True)
class Partition:
    """Which group each part of one network is in."""

    groups: tuple[Group, ...]  # the head last
    tensors: Mapping[str, str]  # the name of each parameter and buffer -> its group
    modules: Mapping[str, str | None]  # the name of each module -> its group; None where it holds parts of several


@dataclass(frozen=True)
class _Unit:
    """Neighbouring pieces of the backbone that stay together, with the words to name them."""

    word: str  # "stem", "stage", "block", "fully connected"
    first: int  # number of the first piece, from 1; 0 where the word says it all
    last: int
    tensors: tuple[str, ...]
    below: str = ""  # the name of a unit of another kind that was joined from below

    @property
    def name(self) -> str:
        if not self.first:
            own = self.word
        elif self.first == self.last:
            own = f"{self.word} {self.first}"
        else:
            own = f"{self.word}s {self.first}-{self.last}"
        return f"{self.below} and {own}" if self.below else own


def partition(module: nn.Module) -> Partition:
    """Find the layer groups of `module`, a timm model with a classifier.

    Raises `SpecError` where the model names no groups or has no classifier, or is too small to be cut in three.
    """
    sizes = {name: parameter.numel() for name, parameter in module.named_parameters()}
    sizes |= {name: 0 for name, _ in module.named_buffers()}
    head = head_tensors(module)
    body = [name for name in sizes if name not in head]
    units = _units(module, body, sizes)
    units = _join_cheapest(units, sizes)
    tensors = {name: unit.name for unit in units for name in unit.tensors} | dict.fromkeys(head, HEAD)
    modules = _place_modules(module, tensors)
    batchnorms = dict.fromkeys([*(unit.name for unit in units), HEAD], 0)
    for name, child in module.named_modules():
        group = modules[name]
        if isinstance(child, _BatchNorm) and group is not None:
            batchnorms[group] += 1
    kinds = (set(sizes), norm_tensors(module), bias_tensors(module))

    def group(name: str, level: Level, tensors: Sequence[str]) -> Group:
        params, norms, biases = (sum(sizes[tensor] for tensor in tensors if tensor in kind) for kind in kinds)
        return Group(name, level, params, batchnorms[name], norms, biases)

    levels = levels_of(len(units))
    groups = [group(unit.name, level, unit.tensors) for unit, level in zip(units, levels, strict=True)]
    groups.append(Group(HEAD, "head", sum(sizes[name] for name in head), batchnorms[HEAD]))
    return Partition(tuple(groups), {name: tensors[name] for name in sizes}, modules)


def classifier_of(module: nn.Module) -> nn.Linear | nn.Conv2d | Head:
    """The head of a timm model, what knows the classes: one linear layer, or a head of ours. Raises `SpecError` otherwise."""
    classifier = module.get_classifier() if hasattr(module, "get_classifier") else None
    if isinstance(classifier, Head):
        return classifier
    if not isinstance(classifier, nn.Linear | nn.Conv2d) or classifier.bias is None:
        raise SpecError(
            f"{type(module).__name__} does not end in one linear layer that could be replaced.",
            next_step="Choose a backbone from the catalogue, or another timm classification model.",
        )
    return classifier


def head_inputs(module: nn.Module) -> int:
    """How many features the head sees for each image."""
    classifier = classifier_of(module)
    return classifier.inputs if isinstance(classifier, Head) else classifier.weight.shape[1]


def classifier_name(module: nn.Module) -> str:
    """The name of the head in `module`: "fc", "head.fc"."""
    classifier = classifier_of(module)
    return next(name for name, child in module.named_modules() if child is classifier)


def head_tensors(module: nn.Module) -> list[str]:
    """The names of the classifier's parameters and buffers, its weight first."""
    classifier, prefix = classifier_of(module), classifier_name(module)
    return [f"{prefix}.{name}" for name, _ in [*classifier.named_parameters(), *classifier.named_buffers()]]


def _units(module: nn.Module, body: Sequence[str], sizes: Mapping[str, int]) -> list[_Unit]:
    features = getattr(module, "features", None)
    if isinstance(features, nn.Sequential) and sum(isinstance(child, nn.MaxPool2d) for child in features) >= FEWEST_GROUPS:
        return _between_pools(features, body)
    for coarse in (True, False):
        pieces = _declared_pieces(module, body, coarse=coarse)
        if len(pieces) >= FEWEST_GROUPS:
            break
    else:
        raise SpecError(
            f"{type(module).__name__} has {len(pieces)} layer groups; a bottom, a middle and a top need at least 3.",
            next_step="Choose a deeper backbone.",
        )
    stem, *rest = pieces
    params = [sum(sizes[name] for name in piece) for piece in rest]
    plain_stack = max(params) <= EQUAL * min(params)
    if plain_stack and len(rest) > MOST_GROUPS:
        return [_Unit("stem", 0, 0, stem), *_quarters(rest)]
    word = "block" if plain_stack or len(rest) > MOST_GROUPS + 1 else "stage"
    return [_Unit("stem", 0, 0, stem), *(_Unit(word, i, i, piece) for i, piece in enumerate(rest, start=1))]


def _declared_pieces(module: nn.Module, body: Sequence[str], *, coarse: bool) -> list[tuple[str, ...]]:
    """timm's groups without the head; what shares timm's last group with the classifier joins the piece before it."""
    if not hasattr(module, "group_matcher"):
        raise SpecError(
            f"{type(module).__name__} does not say which of its layers belong together.",
            next_step="Choose a backbone from the catalogue, or another timm model with a group_matcher.",
        )
    everything = [*body, *head_tensors(module)]
    matched = group_with_matcher(((name, name) for name in everything), module.group_matcher(coarse=coarse))
    ordered = [matched[index] for index in sorted(matched)]
    inside = set(body)
    pieces: list[tuple[str, ...]] = []
    for names in ordered:
        kept = tuple(name for name in names if name in inside)
        if len(kept) < len(names) and pieces:
            pieces[-1] += kept
        elif kept:
            pieces.append(kept)
    return pieces


def _between_pools(features: nn.Sequential, body: Sequence[str]) -> list[_Unit]:
    """VGG: the convolutions between two poolings are a stage; the hidden linear layers come last."""
    stage_of: dict[str, int] = {}
    pools = 0
    for name, child in features.named_children():
        stage_of[name] = pools + 1
        pools += isinstance(child, nn.MaxPool2d)
    stages: dict[int, list[str]] = {}
    hidden: list[str] = []
    for name in body:
        parts = name.split(".")
        if parts[0] == "features":
            stages.setdefault(stage_of[parts[1]], []).append(name)
        else:
            hidden.append(name)
    units = [_Unit("stage", number, number, tuple(names)) for number, names in sorted(stages.items())]
    return units + ([_Unit("fully connected", 0, 0, tuple(hidden))] if hidden else [])


def _quarters(blocks: Sequence[tuple[str, ...]]) -> list[_Unit]:
    cuts = [round(len(blocks) * i / QUARTERS) for i in range(QUARTERS + 1)]
    return [
        _Unit("block", low + 1, high, tuple(name for block in blocks[low:high] for name in block))
        for low, high in itertools.pairwise(cuts)
    ]


def _join_cheapest(units: list[_Unit], sizes: Mapping[str, int]) -> list[_Unit]:
    params = [sum(sizes[name] for name in unit.tensors) for unit in units]
    while len(units) > MOST_GROUPS:
        i = min(range(len(units) - 1), key=lambda i: params[i] + params[i + 1])
        units[i : i + 2] = [_joined(units[i], units[i + 1])]
        params[i : i + 2] = [params[i] + params[i + 1]]
    return units


def _joined(low: _Unit, high: _Unit) -> _Unit:
    tensors = low.tensors + high.tensors
    if low.word == high.word:
        return replace(low, last=high.last, tensors=tensors)
    return replace(high, tensors=tensors, below=low.name)


def _place_modules(module: nn.Module, tensors: Mapping[str, str]) -> dict[str, str | None]:
    """The group of each module: that of its tensors; without any, that of the module around it, or else before it."""
    placed: dict[str, str | None] = {}
    latest = next(iter(tensors.values()))

    def visit(name: str, child: nn.Module, around: str | None) -> None:
        nonlocal latest
        prefix = f"{name}." if name else ""
        inside = [*child.named_parameters(), *child.named_buffers()]
        shared = [prefix + tensor for tensor, _ in inside if prefix + tensor not in tensors]
        if shared:  # torch lists a tensor once, under the first of its names
            raise SpecError(
                f"{type(module).__name__} uses {shared[0]} in several places, so it belongs to no one group.",
                next_step="Choose a backbone from the catalogue, or another timm classification model.",
            )
        groups = {tensors[prefix + tensor] for tensor, _ in inside}
        if len(groups) > 1:
            group = None
        else:
            group = groups.pop() if groups else around or latest
            latest = group
        placed[name] = group
        for grandchild_name, grandchild in child.named_children():
            visit(prefix + grandchild_name, grandchild, group)

    visit("", module, None)
    return placed
