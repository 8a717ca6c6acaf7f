"""BatchNorm folded into the convolution before it: a frozen one is a scale and a shift that the convolution can do itself.

    y = (w * x + b - mean) / sqrt(var + eps) * gamma + beta  =  w' * x + b',   w' = w s,  b' = (b - mean) s + beta,
    s = gamma / sqrt(var + eps)

torch.fx's own `fuse` fails on timm's EfficientNet and does not know `BatchNormAct2d`, which is a BatchNorm and an activation.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from timm.layers import BatchNormAct2d
from timm.models._features_fx import get_notrace_functions, get_notrace_modules
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.models.adapter_layers import Adapted

TOLERANCE = 1e-4  # of the largest value, between the folded and the plain network


def fold_batchnorms(prefix: nn.Module, pictures: Tensor) -> nn.Module:
    """`prefix` with each BatchNorm that follows a convolution folded into it; `prefix` itself where that cannot be done.

    It may be a whole network too. `pictures`, or whatever else it takes (B, ...), B of at least 2, are what the two are
    compared on, as one batch and as a smaller one: a network whose own Python does not survive a fine trace, or that answers
    otherwise, is left as it is.
    """
    if not any(isinstance(module, _BatchNorm) for module in prefix.modules()):
        return prefix
    with torch.inference_mode():
        expected = [prefix(batch) for batch in (pictures, pictures[:-1])]
    try:
        graph = _FineTracer().trace(prefix)
    except Exception:  # whatever a model's own Python does with a proxy: it runs unfolded, with the same answers
        return prefix
    fine = copy.deepcopy(fx.GraphModule(prefix, graph, class_name="Prefix"))  # should the two differ, `prefix` is whole
    _fold(fine)
    try:
        with torch.inference_mode():
            found = [fine(batch) for batch in (pictures, pictures[:-1])]
    except (RuntimeError, AssertionError, ValueError, TypeError):  # a fine trace holds on to the shapes of one batch
        return prefix
    same = all(_close(a, b) for before, after in zip(expected, found, strict=True) for a, b in zip(before, after, strict=True))
    return fine if same else prefix


class _FineTracer(fx.Tracer):
    """Sees every convolution and every BatchNorm, inside blocks too."""

    def __init__(self) -> None:
        super().__init__(autowrap_functions=tuple(get_notrace_functions()))
        self._leaves = (nn.Conv2d, _BatchNorm, *get_notrace_modules())

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self._leaves) or super().is_leaf_module(m, module_qualified_name)


def _fold(graph_module: fx.GraphModule) -> None:
    uses = _uses(graph_module.graph.nodes)
    for node in list(graph_module.graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        convolution, norm = graph_module.get_submodule(before.target), graph_module.get_submodule(node.target)
        if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, _BatchNorm) or norm.running_var is None:
            continue
        if isinstance(convolution, Adapted):
            continue  # its weight is not all that it does, or not what it stores
        if uses[before.target] > 1 or uses[node.target] > 1:
            continue  # a module that is called twice has another BatchNorm after it each time
        _absorb(convolution, norm)
        rest = norm.act if isinstance(norm, BatchNormAct2d) else nn.Identity()
        parent, _, name = node.target.rpartition(".")
        setattr(graph_module.get_submodule(parent), name, rest)
    graph_module.recompile()


def _uses(nodes: Sequence[fx.Node]) -> dict[str, int]:
    uses: dict[str, int] = {}
    for node in nodes:
        if node.op == "call_module":
            uses[node.target] = uses.get(node.target, 0) + 1
    return uses


@torch.no_grad()
def _absorb(convolution: nn.Conv2d, norm: _BatchNorm) -> None:
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    scale = scale if norm.weight is None else scale * norm.weight.double()
    shift = 0.0 if norm.bias is None else norm.bias.double()
    bias = 0.0 if convolution.bias is None else convolution.bias.double()
    dtype = convolution.weight.dtype
    convolution.weight = nn.Parameter((convolution.weight.double() * scale.view(-1, 1, 1, 1)).to(dtype), requires_grad=False)
    convolution.bias = nn.Parameter(((bias - norm.running_mean.double()) * scale + shift).to(dtype), requires_grad=False)


def _close(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool((a - b).abs().max() <= TOLERANCE * a.abs().max())
