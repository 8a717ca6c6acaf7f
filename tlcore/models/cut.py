"""The cut: a network as a frozen prefix followed by a trainable suffix, at the border of any two layer groups.

All that lies below the lowest group that may move is a pure function of the picture, so it can be computed once and kept.
Where to cut is found for all timm families in one way: the network is traced with `torch.fx`, whole blocks as leaves, and
a cut is a place in the graph after which nothing but its own value is still needed.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from timm.models._features_fx import get_notrace_functions, get_notrace_modules
from torch import Tensor, fx, nn

from tlcore.errors import ThawError
from tlcore.groups import HEAD
from tlcore.models.adapter_layers import Adapted
from tlcore.models.heads import Head
from tlcore.models.network import Network

_ROOT = "network"


class Uncuttable(ThawError):
    """A network that cannot be cut at the border asked for: it trains all the same, but nothing of it can be kept."""


@dataclass(frozen=True)
class Cuts:
    """Where one network can be cut. Group `g` as a cut means: everything below `g` is the prefix."""

    graph: fx.Graph
    root: nn.Module
    nodes: dict[str, fx.Node]  # group -> the node whose value goes from prefix to suffix

    def prefix(self, groups: Sequence[str]) -> fx.GraphModule:
        """Pictures (B, 3, S, S) -> the values at the cuts below `groups`, a tuple in their order.

        It shares no tensor with the network: what happens to the one leaves the other as it is.
        """
        wanted = [self.nodes[group] for group in groups]
        graph, copies = fx.Graph(), {}
        for node in _needed_by(wanted):
            copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output(tuple(copies[node] for node in wanted))
        return copy.deepcopy(fx.GraphModule(self.root, graph, class_name="Prefix"))

    def digest(self, group: str) -> str:
        """SHA-256 of what the prefix below `group` computes: its operations and its tensors as they are now."""
        nodes = _needed_by([self.nodes[group]])
        targets = [str(node.target) for node in nodes if node.op in ("call_module", "get_attr")]
        layers = [type(self.root.get_submodule(node.target)).__name__ for node in nodes if node.op == "call_module"]
        digest = hashlib.sha256("\n".join([*(node.format_node() or "" for node in nodes), *layers]).encode())
        for name, tensor in self.root.state_dict().items():
            if any(name == target or name.startswith(f"{target}.") for target in targets):
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def suffix(self, group: str) -> fx.GraphModule:
        """The value at the cut below `group` -> logits (B, C). Its modules are the network's own, in whatever mode they are."""
        cut = self.nodes[group]
        graph = fx.Graph()
        copies = {cut: graph.placeholder("activation")}
        for node in _needed_by([_output(self.graph)], given=cut):
            copies[node] = graph.node_copy(node, copies.__getitem__)
        return fx.GraphModule(self.root, graph, class_name="Suffix")


def find_cuts(network: Network) -> Cuts:
    """Trace `network` and find the cut below each of its groups but the first.

    A border without a cut is left out of `nodes` (the group below it reaches over it). Raises `Uncuttable` where the network
    cannot be traced or none of its borders can be cut.
    """
    root = _Forward(network.module)  # one root for both: it also gets the constants that the forward makes
    graph = _trace(network, root)
    order = {node: place for place, node in enumerate(graph.nodes)}
    rank = {group.name: place for place, group in enumerate(network.groups)}
    touched = [_groups_of(node, network, rank) for node in graph.nodes]

    nodes: dict[str, fx.Node] = {}
    for group in network.groups[1:]:
        first_above = min((i for i, ranks in enumerate(touched) if any(r >= rank[group.name] for r in ranks)), default=None)
        if first_above is None:
            continue
        below_ends = max((i for i, ranks in enumerate(touched) if any(r < rank[group.name] for r in ranks)), default=-1)
        for node in reversed(list(graph.nodes)[:first_above]):
            if order[node] < below_ends:
                break  # a cut here would leave something of the frozen groups to the suffix
            if node.op in ("placeholder", "get_attr", "output"):
                continue
            if _is_cut(node, order):
                nodes[group.name] = node
                break
    if HEAD not in nodes:
        raise Uncuttable(f"{type(network.module).__name__} has no place where one value alone goes on to the head.")
    return Cuts(graph, root, nodes)


def _is_cut(node: fx.Node, order: dict[fx.Node, int]) -> bool:
    """Whether nothing that was computed up to `node` is used after it, its own value excepted. Constants may be."""
    here = order[node]
    for earlier, place in order.items():
        if place >= here:
            break
        if earlier.op == "get_attr":
            continue
        if any(order[user] > here for user in earlier.users):
            return False
    return True


def _needed_by(wanted: Sequence[fx.Node], *, given: fx.Node | None = None) -> list[fx.Node]:
    """What the values of `wanted` are computed from, themselves included, in the order of the graph; nothing for `given`."""
    needed: set[fx.Node] = set()
    waiting = list(wanted)
    while waiting:
        node = waiting.pop()
        if node not in needed and node is not given:
            needed.add(node)
            waiting.extend(node.all_input_nodes)
    return [node for node in wanted[0].graph.nodes if node in needed]


def _output(graph: fx.Graph) -> fx.Node:
    return next(node for node in graph.nodes if node.op == "output")


def _groups_of(node: fx.Node, network: Network, rank: dict[str, int]) -> set[int]:
    """The places, in the order of groups, of the tensors that `node` uses."""
    if node.op not in ("call_module", "get_attr"):
        return set()
    name = str(node.target).removeprefix(_ROOT).removeprefix(".")
    tensors = network.partition.tensors
    return {rank[group] for tensor, group in tensors.items() if tensor == name or tensor.startswith(f"{name}.")}


# --- tracing


class _Forward(nn.Module):
    """The network called with a picture alone, so that its forward's optional arguments are constants and not inputs."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.add_module(_ROOT, module)

    def forward(self, pictures: Tensor) -> Tensor:
        return getattr(self, _ROOT)(pictures)


class _Tracer(fx.Tracer):
    def __init__(self, network: Network) -> None:
        super().__init__(autowrap_functions=tuple(get_notrace_functions()))
        self._leaves = _blocks(network) | {network.head}  # the head as itself, so that what it is given can be watched
        self._opaque = (*get_notrace_modules(), Adapted)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return m in self._leaves or isinstance(m, (*self._opaque, Head)) or super().is_leaf_module(m, module_qualified_name)


def _blocks(network: Network) -> set[nn.Module]:
    """The children of a Sequential or ModuleList that are no such container themselves and lie wholly in one group.

    Seen from outside a block is one operation: what happens inside it (shapes of one batch, branches) stays its own.
    """
    blocks = set()
    groups = network.partition.modules
    containers = nn.Sequential | nn.ModuleList
    for name, module in network.module.named_modules():
        if isinstance(module, containers):
            for child_name, child in module.named_children():
                inside = groups[f"{name}.{child_name}" if name else child_name]
                if inside is not None and not isinstance(child, containers):
                    blocks.add(child)
    return blocks


def _trace(network: Network, root: _Forward) -> fx.Graph:
    try:
        return _Tracer(network).trace(root)
    except Exception as error:  # whatever a model's own Python does with a proxy: the reason is told, never hidden
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Uncuttable(f"{type(network.module).__name__} cannot be traced: {reason.rstrip('.')}.") from error
