"""Grad-CAM written out once more by plain autograd, for any module that gives out channels first, channels last or tokens."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tests.analysis.watched import CPU
from tlcore.analysis.maps import pictures
from tlcore.explain.places import Place
from tlcore.models.network import Network


def closed_form(network: Network, place: Place, images: np.ndarray, target: int) -> np.ndarray:
    """relu(sum over k of mean gradient times activation), (N, h, w)."""
    kept: list[Tensor] = []

    def keep(_module: object, _inputs: object, output: Tensor) -> Tensor:
        output.requires_grad_() if output.is_leaf else None
        kept.append(output)
        return output.clone()

    hook = network.module.get_submodule(place.module).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = network.module.eval()(pictures(network, CPU, torch.from_numpy(images)).requires_grad_())
            (gradient,) = torch.autograd.grad(logits[:, target].sum(), kept[0])
    finally:
        hook.remove()
    output = kept[0].detach()
    if output.ndim == 3:
        output, gradient = (_square(tokens, place.side) for tokens in (output, gradient))
    elif type(network.module).__name__ == "SwinTransformer":  # the one in the catalogue with channels last
        output, gradient = output.permute(0, 3, 1, 2), gradient.permute(0, 3, 1, 2)
    weights = gradient.flatten(2).mean(2)
    return torch.einsum("nk,nkhw->nhw", weights, output).clamp(min=0).numpy()


def _square(tokens: Tensor, side: int) -> Tensor:
    patches = tokens[:, tokens.shape[1] - side * side :]
    return patches.transpose(1, 2).unflatten(2, (side, side))
