"""Explanations at the image's own pixels: integrated gradients and occlusion, both by captum.

A method gives the network several variants of each picture, `asked.at_once` of them at a time.
"""

from __future__ import annotations

import torch
from captum.attr import IntegratedGradients, Occlusion

from tlcore.explain.score import Asked, Explained, Score

STEPS = 32  # of the way from black to the picture, at Gauss-Legendre's points
SQUARES = 7  # side by side across the picture; they move by half a square


def integrated_gradients(asked: Asked) -> Explained:
    """Sundararajan et al. 2017, from a black picture, summed over the colours: signed, and in sum score(x) - score(black)."""
    score = Score(asked.network.module)
    classes = asked.settled(score)
    logits, look = score.logits, asked.network.preprocessing
    black = -torch.tensor(look.mean) / torch.tensor(look.std)
    baseline = black.to(asked.pictures)[None, :, None, None].expand_as(asked.pictures)
    shares = IntegratedGradients(score).attribute(
        asked.pictures,
        baseline,
        additional_forward_args=classes,
        n_steps=STEPS,
        method="gausslegendre",
        internal_batch_size=asked.at_once,
    )
    return shares.detach().sum(1), logits


def occlusion(asked: Asked) -> Explained:
    """Zeiler & Fergus 2014: how far the score falls, at each pixel the mean over the grey squares that covered it; signed.

    Grey is the mean colour that the network's preprocessing takes away. A square is a seventh of the picture wide.
    """
    score = Score(asked.network.module)
    classes = asked.settled(score)
    logits = score.logits
    side = max(1, round(asked.pictures.shape[-1] / SQUARES))
    falls = Occlusion(score).attribute(
        asked.pictures,
        sliding_window_shapes=(3, side, side),
        strides=(3, max(1, side // 2), max(1, side // 2)),
        baselines=0,
        additional_forward_args=classes,
        perturbations_per_eval=max(1, asked.at_once // len(asked.pictures)),
    )
    return falls[:, 0].detach(), logits  # a square covers all three colours, so they have the same numbers
