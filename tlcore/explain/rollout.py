"""Attention rollout (Abnar & Zuidema 2020): attention from block to block, multiplied back to the patches."""

from __future__ import annotations

import contextlib

import torch
from timm.layers import Attention
from torch import Tensor, nn

from tlcore.explain.score import Asked, Explained, Score
from tlcore.models.network import Network


def attention_rollout(asked: Asked) -> Explained:
    """What the class token is made of after the place's last block; the mean patch where the network pools patches.

    Each block counts as half its attention, averaged over heads, and half what stood there: 0.5 A + 0.5 I. The weights are
    computed from what `qkv` gives out, as timm's fused attention never shows them. One pass forward.
    """
    module, mixed = asked.network.module, None
    score = Score(module)

    def mix(attention: Attention, qkv: Tensor) -> None:
        nonlocal mixed
        weights = attention_weights(attention, qkv).mean(1)
        weights = 0.5 * weights + 0.5 * torch.eye(weights.shape[-1], device=weights.device)
        mixed = weights if mixed is None else weights @ mixed

    with contextlib.ExitStack() as hooks, torch.no_grad():
        for part in attentions(asked.network, asked.place.group):
            hook = part.qkv.register_forward_hook(lambda _module, _inputs, output, part=part: mix(part, output))
            hooks.callback(hook.remove)
        score(asked.pictures, *asked.classes)
    prefix = mixed.shape[1] - asked.place.side**2
    rows = mixed[:, 0] if prefix and getattr(module, "global_pool", "") == "token" else mixed[:, prefix:].mean(1)
    return rows[:, prefix:].unflatten(1, (asked.place.side, asked.place.side)), score.logits


def attention_weights(attention: Attention, qkv: Tensor) -> Tensor:
    """softmax(q k' / sqrt(d)) (B, heads, T, T) of what `attention.qkv` gave out, (B, T, 3 heads d)."""
    heads = qkv.unflatten(2, (3, attention.num_heads, attention.head_dim)).permute(2, 0, 3, 1, 4)
    queries, keys = attention.q_norm(heads[0]), attention.k_norm(heads[1])
    return (queries * attention.scale @ keys.transpose(-2, -1)).softmax(-1)


def attentions(network: Network, group: str) -> list[nn.Module]:
    """The attention layers over tokens from the image up to the last one in `group`; none where that group has none."""
    placed = network.partition.modules
    found = [(name, part) for name, part in network.module.named_modules() if isinstance(part, Attention)]
    last = max((i for i, (name, _) in enumerate(found) if placed[name] == group), default=-1)
    return [part for _, part in found[: last + 1]]
