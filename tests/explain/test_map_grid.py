"""Maps enlarged and masks averaged: by hand, against torch, and without losing evidence on the way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from tlcore.errors import SpecError
from tlcore.explain.grid import enlarged, on_grid


@pytest.mark.parametrize(("side", "size"), [(1, 5), (2, 8), (4, 128), (7, 224), (5, 13), (16, 16), (9, 4)])
def test_enlarging_is_torchs_bilinear_rule(side: int, size: int) -> None:
    maps = np.random.default_rng(0).normal(size=(3, side, side)).astype(np.float32)
    theirs = functional.interpolate(torch.from_numpy(maps)[:, None], (size, size), mode="bilinear")[:, 0].numpy()
    np.testing.assert_allclose(enlarged(maps, size), theirs, atol=1e-5)


def test_every_cell_has_the_same_weight_once_enlarged() -> None:
    for cell in range(16):
        alone = np.zeros((1, 4, 4), np.float32)
        alone.flat[cell] = 1
        assert enlarged(alone, 32).sum() == pytest.approx(64, rel=1e-5)


def test_a_cell_says_which_share_of_it_is_covered_by_hand() -> None:
    mask = np.array([[[1, 1, 0], [1, 0, 0], [0, 0, 0]]], dtype=bool)
    # two cells over three pixels: the second pixel of each side belongs to both cells by halves, a cell is 1.5 x 1.5 pixels
    by_hand = np.array([[[(1 + 0.5 + 0.5) / 2.25, 0.5 / 2.25], [0.5 / 2.25, 0]]])
    np.testing.assert_allclose(on_grid(mask, (2, 2)), by_hand)
    np.testing.assert_allclose(on_grid(mask, (3, 3)), mask)
    np.testing.assert_allclose(on_grid(mask, (6, 6))[0], np.kron(mask[0], np.ones((2, 2))))


@pytest.mark.parametrize("shape", [(4, 4), (7, 7), (3, 5), (40, 40)])
def test_areas_are_kept(shape: tuple[int, int]) -> None:
    masks = np.random.default_rng(1).random((5, 32, 32)) < 0.3
    cells = on_grid(masks, shape)
    assert cells.shape == (5, *shape)
    assert cells.min() >= 0
    assert cells.max() <= 1 + 1e-12
    np.testing.assert_allclose(cells.mean((1, 2)), masks.mean((1, 2)))


def test_what_is_no_stack_of_maps_is_refused() -> None:
    with pytest.raises(SpecError, match="images, height, width"):
        enlarged(np.zeros((4, 4)), 8)
    with pytest.raises(SpecError, match="images, height, width"):
        on_grid(np.zeros((2, 0, 4)), (2, 2))
