"""Head swapping: another head in the place of a network's classifier, which `get_classifier()` then names as before."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn

from tlcore.errors import SpecError
from tlcore.models.cards import no_map
from tlcore.models.heads import AttentionHead, Layout, make_head
from tlcore.models.partition import classifier_name, classifier_of, head_inputs
from tlcore.strategies.head import HeadKind

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)  # over the channels of each position: they may come before the pooling


def put_head(module: nn.Module, kind: HeadKind, classes: int) -> None:
    """Put a head of that kind for `classes` classes in the place of the classifier of `module`, a timm model.

    Its weights are still to be drawn (`construct.draw_head`). Attention pooling takes the place of the backbone's own
    pooling too: a norm that followed that is then applied to each position (timm's `head_norm_first`). Raises `SpecError`
    where the backbone shows its head no positions, or its classifier is a convolution.
    """
    classifier, name = classifier_of(module), classifier_name(module)
    head = new_head(module, kind, classes)
    holder = module.get_submodule(name.rpartition(".")[0])
    if kind == "attention":
        _open_pool(module, holder, classifier)
    setattr(holder, name.rpartition(".")[2], head.train(module.training))


def new_head(module: nn.Module, kind: HeadKind, classes: int) -> nn.Module:
    """A head that sees what the classifier of `module` sees. It stands nowhere yet, and its weights are still to be drawn."""
    classifier, inputs = classifier_of(module), head_inputs(module)
    if isinstance(classifier, nn.Conv2d):
        if kind != "linear":
            raise SpecError(
                f"{type(module).__name__} ends in a convolution, which only another one could replace.",
                next_step="Keep the linear head, or choose another backbone.",
            )
        head: nn.Module = nn.Conv2d(inputs, classes, 1)
    else:
        head = make_head(kind, inputs, classes, _layout(module))
    like = next(classifier.parameters())
    return head.to(like.device, like.dtype)


def positions_seen(module: nn.Module, image_size: int) -> int:
    """At how many positions of an image of that size the attention head of `module` can look. No weight is changed."""
    head = classifier_of(module)
    assert isinstance(head, AttentionHead)
    seen: list[int] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(head.positions(inputs[0]).shape[1]))
    modes = {child: child.training for child in module.modules()}
    try:
        with torch.inference_mode():
            module.eval()(torch.zeros(1, 3, image_size, image_size, device=next(module.parameters()).device))
    finally:
        hook.remove()
        for child, mode in modes.items():
            child.training = mode
    return seen[0]


def shows_positions(module: nn.Module, image_size: int) -> bool:
    """Whether an attention head would find more than one position in `module` at that image size. It is left as it is."""
    tried = copy.deepcopy(module)
    try:
        put_head(tried, "attention", 2)
        return positions_seen(tried, image_size) > 1
    except (SpecError, RuntimeError, ValueError, TypeError, AttributeError, IndexError, AssertionError):
        return False  # of timm's many forward passes: one that does not go on without its pooling


def check_positions(module: nn.Module, title: str, image_size: int) -> None:
    """Raise `SpecError` where an attention head would see a single position at that image size."""
    if positions_seen(module, image_size) < 2:
        raise SpecError(
            f"At {image_size} pixels {title} shows its head a single position, so attention has nothing to choose from.",
            next_step="Raise the image size, or choose another head.",
        )


def _open_pool(module: nn.Module, holder: nn.Module, classifier: nn.Module) -> None:
    pool = getattr(holder, "global_pool", None)
    weighty = [child for child in _between(holder, pool, classifier) if any(True for _ in child.parameters())]
    if any(not isinstance(child, _NORMS) for child in weighty) or getattr(holder, "attn_pool", None) is not None:
        raise no_map(type(module).__name__)
    if isinstance(pool, nn.Module):
        holder.global_pool = nn.Identity()
        if isinstance(getattr(holder, "flatten", None), nn.Flatten):
            holder.flatten = nn.Identity()
    elif isinstance(pool, str):
        holder.global_pool = ""  # timm's word for all tokens
    else:
        raise no_map(type(module).__name__)


def _between(holder: nn.Module, pool: object, classifier: nn.Module) -> Iterator[nn.Module]:
    """The layers that come after the pooling and before the classifier, in the order in which timm lists them."""
    after = False
    for child in holder.children():
        if child is classifier:
            return
        if after:
            yield child
        after = after or child is pool


def _layout(module: nn.Module) -> Layout:
    return "NHWC" if getattr(module, "output_fmt", "NCHW") == "NHWC" else "NCHW"
