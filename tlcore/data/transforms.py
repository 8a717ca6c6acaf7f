"""Batches of pictures on their way into a network: drawn anew for each picture, as a function of seed and step alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SMALLEST_AREA: Final = 0.8  # of the picture, in a random crop
STRETCH: Final = 1.1  # most that a crop is wider or higher than the picture's own shape
BRIGHTNESS: Final = 0.1  # values are multiplied by 1 +- this
CONTRAST: Final = 0.1  # and their distance from the picture's mean by 1 +- this

_NUMBERS: Final = 7  # drawn for each picture


def augment(images: Tensor, *, seed: int, step: int, flips: bool) -> Tensor:
    """Random crops, brightness and contrast, and mirrored pictures where `flips`; for each picture its own.

    `images` is uint8 (B, H, W, 3), and so is what comes back, of the same size. What happens to a picture depends on
    `seed`, `step` and its place in the batch: not on the batch's size, the device, or what was drawn before.
    """
    return _warp(images, _draws(seed, step, len(images)), flips=flips)


def view_of(images: Tensor, keys: Sequence[bytes], *, view: int, flips: bool) -> Tensor:
    """The augmented view number `view` (from 0) of each picture, drawn from `augment`'s distribution.

    `images` is uint8 (B, H, W, 3), and so is what comes back. What happens to a picture depends on its key, which stands
    for its content, and on `view` alone: not on its place, its company, or a run's seed, so that runs can share it.
    """
    drawn = [hashlib.shake_128(b"view/%d/" % view + key).digest(4 * _NUMBERS) for key in keys]
    numbers = np.frombuffer(b"".join(drawn), dtype="<u4").reshape(len(keys), _NUMBERS) / 2**32
    return _warp(images, torch.from_numpy(numbers).float(), flips=flips)


def _warp(images: Tensor, draws: Tensor, *, flips: bool) -> Tensor:
    draws = draws.to(images.device)
    area = SMALLEST_AREA + (1 - SMALLEST_AREA) * draws[:, 0]
    stretch = STRETCH ** (2 * draws[:, 1] - 1)
    across = (area * stretch).sqrt().clamp(max=1.0)  # the crop's width and height, as shares of the picture's
    down = (area / stretch).sqrt().clamp(max=1.0)
    mirror = torch.where(draws[:, 4] < 0.5, -1.0, 1.0) if flips else torch.ones_like(across)
    theta = torch.zeros(len(images), 2, 3, device=images.device)
    theta[:, 0, 0], theta[:, 0, 2] = across * mirror, (2 * draws[:, 2] - 1) * (1 - across)
    theta[:, 1, 1], theta[:, 1, 2] = down, (2 * draws[:, 3] - 1) * (1 - down)

    values = images.permute(0, 3, 1, 2).float()
    grid = functional.affine_grid(theta, list(values.shape), align_corners=False)
    values = functional.grid_sample(values, grid, mode="bilinear", padding_mode="border", align_corners=False)
    brightness = (1 + BRIGHTNESS * (2 * draws[:, 5] - 1)).view(-1, 1, 1, 1)
    contrast = (1 + CONTRAST * (2 * draws[:, 6] - 1)).view(-1, 1, 1, 1)
    mean = values.mean(dim=(1, 2, 3), keepdim=True)
    values = torch.addcmul(mean * brightness * (1 - contrast), values, brightness * contrast)
    return values.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def normalise(images: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W): (value / 255 - mean) / std, channel by channel.

    The result is laid out channels-last, as it came.
    """
    means, stds = (255 * torch.tensor(value, device=images.device).view(1, 3, 1, 1) for value in (mean, std))
    return images.permute(0, 3, 1, 2).float().sub_(means).div_(stds)


def _draws(seed: int, step: int, pictures: int) -> Tensor:
    """Seven numbers in [0, 1) for each picture, from the CPU's generator whatever the device."""
    mixed = int.from_bytes(hashlib.sha256(f"augment/{seed}/{step}".encode()).digest()[:8]) >> 1
    return torch.rand(pictures, _NUMBERS, generator=torch.Generator().manual_seed(mixed))
