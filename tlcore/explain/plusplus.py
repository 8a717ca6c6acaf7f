"""Grad-CAM++ (Chattopadhyay et al. 2018): places within a channel weigh by their own gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from tlcore.explain.places import window
from tlcore.explain.score import Asked, Explained, Score


def gradcam_plus_plus(asked: Asked) -> Explained:
    """The same activations and gradients as Grad-CAM, other weights; one pass forward, one back to the place."""
    score = Score(asked.network.module)
    with window(asked.network, asked.place) as opened:
        scores = score(asked.pictures, *asked.classes)
        (gradients,) = torch.autograd.grad(scores.sum(), opened.maps)
    return weighted(opened.maps.detach(), gradients), score.logits


def weighted(maps: Tensor, gradients: Tensor) -> Tensor:
    """relu(sum over k of w_k A_k) of maps and gradients (B, C, h, w), with w_k the sum over places of alpha * relu(g).

    alpha = g^2 / (2 g^2 + g^3 sum(A_k)), equation 19, is 1 / (2 + g sum(A_k)) wherever g counts at all. Departure: the paper
    explains exp(score), which multiplies a whole map by exp(score); that factor is left out, so maps are in Grad-CAM's unit.
    """
    below = 2 + gradients * maps.sum((2, 3), keepdim=True)
    alpha = torch.where(below == 0, 0, 1 / torch.where(below == 0, 1, below))
    weights = (alpha * gradients.relu()).sum((2, 3), keepdim=True)
    return (weights * maps).sum(1).relu()
