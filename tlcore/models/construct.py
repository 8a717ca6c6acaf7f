"""Build the bare module of a backbone: size, seed, head."""

from __future__ import annotations

import math

import timm
import torch
from torch import nn

from tlcore.errors import SpecError
from tlcore.models.cards import BackboneCard
from tlcore.models.heads import Head
from tlcore.models.partition import classifier_of


def check_image_size(card: BackboneCard, image_size: int) -> None:
    """Refuse an image size that the architecture cannot take, and name the nearest ones that it can."""
    if card.sizing == "fixed":
        if image_size != card.image_size:
            raise SpecError(
                f"{card.title} works at {card.image_size} pixels alone, but {image_size} were asked for.",
                next_step=f"Set the image size to {card.image_size}, or choose another backbone.",
            )
        return
    multiple, least = card.image_size_multiple, card.min_image_size
    if image_size >= least and image_size % multiple == 0:
        return
    below = max(least, image_size // multiple * multiple)
    near = str(below) if below + multiple <= image_size or image_size < least else f"{below} or {below + multiple}"
    rule = f"multiples of {multiple} pixels from {least} up" if multiple > 1 else f"{least} pixels or more"
    raise SpecError(
        f"{card.title} takes image sizes that are {rule}, but {image_size} were asked for.",
        next_step=f"Set the image size to {near}.",
    )


def skeleton(card: BackboneCard, *, classes: int) -> nn.Module:
    """The module at its own image size without weights: names and shapes alone, on torch's `meta` device."""
    with torch.device("meta"):
        return timm.create_model(card.name, num_classes=classes, **arguments(card, card.image_size))


def create(card: BackboneCard, *, classes: int, seed: int, image_size: int) -> nn.Module:
    """The module for square images of `image_size` pixels with random weights, all drawn from `seed`.

    The caller's random numbers on the CPU go on as if nothing had been drawn.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = timm.create_model(card.name, pretrained=False, num_classes=classes, **arguments(card, image_size))
    draw_head(module, seed)
    return module


def draw_head(module: nn.Module, seed: int) -> None:
    """Draw the head anew from `seed` alone: weights uniform within 1/sqrt(inputs), as torch does, biases zero.

    So the head of a run is the same from pretrained and from random weights, and for every way of building the rest.
    """
    generator = torch.Generator().manual_seed(seed)
    head = classifier_of(module)
    with torch.no_grad():
        for parameter in head.parameters():
            if parameter.ndim < 2:
                parameter.zero_()
            else:
                bound = 1 / math.sqrt(parameter[0].numel())
                parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))
        if isinstance(head, Head):
            head.start()


def arguments(card: BackboneCard, image_size: int) -> dict[str, object]:
    """What timm is told, besides the number of classes, to build the backbone for that image size."""
    return {"dynamic": {"dynamic_img_size": True}, "windows": {"img_size": image_size}}.get(card.sizing, {})
