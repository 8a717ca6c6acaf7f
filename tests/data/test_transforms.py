"""Batch transforms: drawn per picture, repeatable, and of the right size."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from tlcore.data import transforms
from tlcore.data.transforms import augment, normalise

GENERATOR = torch.Generator().manual_seed(0)
NOISE = torch.randint(0, 256, (8, 24, 32, 3), dtype=torch.uint8, generator=GENERATOR)


def test_the_same_seed_and_step_give_the_same_bits() -> None:
    first = augment(NOISE, seed=1, step=5, flips=True)
    torch.rand(100)  # the global generator plays no part
    assert torch.equal(first, augment(NOISE, seed=1, step=5, flips=True))
    assert not torch.equal(first, augment(NOISE, seed=1, step=6, flips=True))
    assert not torch.equal(first, augment(NOISE, seed=2, step=5, flips=True))


def test_shape_and_type_stay_and_the_input_is_left_alone() -> None:
    before = NOISE.clone()
    out = augment(NOISE, seed=0, step=0, flips=True)
    assert (out.shape, out.dtype) == (NOISE.shape, torch.uint8)
    assert out.is_contiguous()
    assert torch.equal(NOISE, before)


def test_each_picture_is_drawn_on_its_own_and_not_by_the_batch() -> None:
    same = NOISE[:1].expand(8, -1, -1, -1)
    out = augment(same, seed=0, step=0, flips=False)
    assert len({picture.numpy().tobytes() for picture in out}) == 8
    assert torch.equal(augment(same[:3], seed=0, step=0, flips=False), out[:3])


def test_seeds_and_steps_are_not_added_up() -> None:
    assert not torch.equal(transforms._draws(0, 1, 4), transforms._draws(1, 0, 4))


def test_no_draw_but_the_middle_is_the_picture_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Area 1, no stretch, no flip, brightness and contrast unchanged: bit for bit the input."""
    monkeypatch.setattr(transforms, "_draws", lambda seed, step, n: torch.tensor([[1.0, 0.5, 0.5, 0.5, 0.9, 0.5, 0.5]] * n))
    assert torch.equal(augment(NOISE, seed=0, step=0, flips=True), NOISE)


def test_a_flip_mirrors_left_and_right_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "_draws", lambda seed, step, n: torch.tensor([[1.0, 0.5, 0.5, 0.5, 0.1, 0.5, 0.5]] * n))
    assert torch.equal(augment(NOISE, seed=0, step=0, flips=True), NOISE.flip(2))
    assert torch.equal(augment(NOISE, seed=0, step=0, flips=False), NOISE)


def test_a_crop_is_the_crop_that_torchvision_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Area 0.81, upper left corner: the first 90 % of rows and columns, resized bilinearly."""
    smooth = torch.linspace(0, 255, 40).round().to(torch.uint8)
    picture = torch.stack([smooth.expand(40, 40), smooth.expand(40, 40).T, smooth.flip(0).expand(40, 40)], -1)[None]
    area = (0.81 - transforms.SMALLEST_AREA) / (1 - transforms.SMALLEST_AREA)
    monkeypatch.setattr(transforms, "_draws", lambda seed, step, n: torch.tensor([[area, 0.5, 0.0, 0.0, 0.9, 0.5, 0.5]] * n))
    out = augment(picture, seed=0, step=0, flips=False)
    expected = reference.resized_crop(picture.permute(0, 3, 1, 2), 0, 0, 36, 36, [40, 40], antialias=False)
    assert (out.permute(0, 3, 1, 2).int() - expected.int()).abs().max() <= 1


def test_brightness_and_contrast_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values 100 and 200, mean 150: brightness 1.1 gives 110 and 220; contrast 0.9 draws them to 115.5 and 214.5."""
    picture = torch.full((1, 4, 4, 3), 100, dtype=torch.uint8)
    picture[:, :2] = 200
    monkeypatch.setattr(transforms, "_draws", lambda seed, step, n: torch.tensor([[1.0, 0.5, 0.5, 0.5, 0.9, 1.0, 0.0]] * n))
    out = augment(picture, seed=0, step=0, flips=False)
    assert out[0, 3, 0, 0].item() in (115, 116)
    assert out[0, 0, 0, 0].item() in (214, 215)


def test_crops_keep_at_least_four_fifths_and_flips_are_even() -> None:
    draws = transforms._draws(0, 0, 4000)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert abs((draws[:, 4] < 0.5).float().mean() - 0.5) < 0.03
    assert transforms.SMALLEST_AREA >= 0.8


def test_normalise_by_hand_and_against_torchvision() -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    white = normalise(torch.full((1, 2, 2, 3), 255, dtype=torch.uint8), mean, std)
    assert white[0, 0, 0, 0].item() == pytest.approx((1 - 0.485) / 0.229, rel=1e-6)
    expected = reference.normalize(NOISE.permute(0, 3, 1, 2).float() / 255, mean, std)
    out = normalise(NOISE, mean, std)
    assert out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_same_draws_on_a_gpu() -> None:
    out = augment(NOISE.cuda(), seed=0, step=0, flips=True).cpu()
    assert (out.int() - augment(NOISE, seed=0, step=0, flips=True).int()).abs().max() <= 1
