"""Guided Grad-CAM: Grad-CAM at the image's size, times guided backpropagation (Springenberg et al. 2015).

captum's own class lets every activation but `nn.ReLU` pass unguided without a word, those of EfficientNet-Lite among them; this
one guides ReLU6 as well, and `needs.py` refuses networks with others. On networks of ReLUs alone the two are equal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlcore.explain.gradcam import gradcam
from tlcore.explain.score import Asked, Explained, Score

RELU = (nn.ReLU, nn.ReLU6)


def guided_gradcam(asked: Asked) -> Explained:
    """Summed over the three colours, and so signed; two passes forward, one all the way back."""
    maps, logits = gradcam(asked)
    pictures = asked.pictures.detach().requires_grad_()
    with _guided(asked.network.module):
        scores = Score(asked.network.module)(pictures, *asked.classes)
        (gradients,) = torch.autograd.grad(scores.sum(), pictures)
    large = functional.interpolate(maps[:, None], pictures.shape[-2:], mode="bilinear")
    return (large * gradients).sum(1), logits


@contextlib.contextmanager
def _guided(module: nn.Module) -> Iterator[None]:
    """Within it what comes back to a ReLU is cut off below zero; the ReLU itself stops it where nothing went in."""

    def cut(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        output.register_hook(functional.relu)

    with contextlib.ExitStack() as hooks:
        for part in module.modules():
            if isinstance(part, RELU):
                hooks.callback(part.register_forward_hook(cut).remove)
        yield
