"""The Fisher information's diagonal: how much each weight mattered to what the network answers.

    F_i = mean over images x of  E over labels y ~ p(y | x)  of  (d log p(y | x) / d w_i)²

The expectation over labels is estimated by one label for each image, drawn from the network's own answers ("sampled"; it is
the true Fisher on average), or the label that the image has stands in for it ("empirical", which is another quantity).
Each image has a gradient of its own: the square of a batch's mean gradient is neither, and shrinks as the batch grows.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tlcore.data.transforms import normalise
from tlcore.models.cards import Preprocessing

FisherEvents = Generator[dict[str, Any], None, list[Tensor]]


def fisher(
    module: nn.Module, parameters: Sequence[nn.Parameter], pictures: Sequence[Tensor], labels: np.ndarray | None, seed: int
) -> FisherEvents:
    """The diagonal for `parameters`, tensors of their shapes in their order; yields `progress` events on the way.

    `module` (in eval mode) maps a picture (1, ...) of `pictures` to logits; `labels` are int64 (N,), or None to draw them.
    A loop over images, one at a time: on a CPU that is faster than per-sample gradients by vmap.
    """
    generator = torch.Generator().manual_seed(seed)
    information = [torch.zeros_like(parameter, requires_grad=False) for parameter in parameters]
    for parameter in parameters:
        parameter.requires_grad_(True)
    for place, picture in enumerate(pictures):
        yield _progress(place, len(pictures))
        logits = module(picture).float().flatten(1)
        if labels is None:
            label = torch.multinomial(logits.detach().double().softmax(1).cpu(), 1, generator=generator)[0]
        else:
            label = torch.from_numpy(labels[place : place + 1])
        loss = functional.cross_entropy(logits, label.to(logits.device))
        gradients = torch.autograd.grad(loss, list(parameters), materialize_grads=True)
        torch._foreach_addcmul_(information, gradients, gradients, 1 / len(pictures))
    for parameter in parameters:
        parameter.requires_grad_(False)
    yield _progress(len(pictures), len(pictures))
    return information


class Pictures(Sequence[Tensor]):
    """Images uint8 (N, S, S, 3) one at a time, as a network wants them: float32 (1, 3, S, S)."""

    def __init__(self, images: np.ndarray, look: Preprocessing, device: torch.device) -> None:
        self._images, self._look, self._device = images, look, device

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, place: int) -> Tensor:
        if place >= len(self):
            raise IndexError(place)
        picture = torch.from_numpy(np.array(self._images[place : place + 1])).to(self._device)
        return normalise(picture, self._look.mean, self._look.std).contiguous(memory_format=torch.channels_last)


def _progress(done: int, total: int) -> dict[str, Any]:
    return {
        "type": "progress",
        "what": "Measuring what mattered to the old task",
        "done": done,
        "total": total,
        "unit": "images",
    }
