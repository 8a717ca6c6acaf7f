"""Grad-CAM (Selvaraju et al. 2017): ReLU of the channels' sum, each weighted by its mean gradient."""

from __future__ import annotations

from captum.attr import LayerGradCam

from tlcore.explain.places import window
from tlcore.explain.score import Asked, Explained, Score


def gradcam(asked: Asked) -> Explained:
    """relu(sum over k of a_k A_k), a_k the mean over places of d score / d A_k; one pass forward, one back to the place."""
    score = Score(asked.network.module)
    with window(asked.network, asked.place) as opened:
        maps = LayerGradCam(score, opened).attribute(
            asked.pictures, additional_forward_args=asked.classes, relu_attributions=True
        )
    return maps[:, 0].detach(), score.logits
