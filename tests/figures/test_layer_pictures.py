"""Pictures of what layers see, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.figures.layer_pictures import (
    GAP,
    Sheet,
    colour_tiles,
    difference_tiles,
    enlarged,
    filter_tiles,
    grid,
    map_tiles,
    marked,
)


def test_a_sheet_gives_back_its_tiles() -> None:
    pixels = np.arange(6 * 9 * 3, dtype=np.uint8).reshape(6, 9, 3)
    sheet = Sheet(pixels, side=3, columns=3)
    np.testing.assert_array_equal(sheet.tile(0), pixels[:3, :3])
    np.testing.assert_array_equal(sheet.tile(5), pixels[3:, 6:])


def test_tiles_stand_in_rows_with_gaps_one_sees_through() -> None:
    tiles = [np.full((2, 2, 3), 40 * i, np.uint8) for i in range(1, 4)]
    picture = grid(tiles, columns=2, side=4)
    assert picture.shape == (4 + GAP + 4, 4 + GAP + 4, 4)
    assert tuple(picture[0, 0]) == (40, 40, 40, 255)
    assert tuple(picture[3, 4 + GAP]) == (80, 80, 80, 255)
    assert tuple(picture[4 + GAP, 0]) == (120, 120, 120, 255)
    assert picture[4, 0, 3] == 0  # a gap
    assert picture[-1, -1, 3] == 0  # no fourth tile


def test_enlarging_repeats_and_never_shrinks() -> None:
    tile = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    large = enlarged(tile, 7)
    assert large.shape == (8, 8, 3)
    assert (large[:4, :4] == tile[0, 0]).all()
    assert enlarged(np.zeros((10, 10, 3), np.uint8), 4).shape == (10, 10, 3)


def test_filters_of_two_networks_are_on_one_scale() -> None:
    before, after = np.zeros((2, 3, 3, 3)), np.zeros((2, 3, 3, 3))
    before[0, 0, 0, 0], after[1, 2, 2, 2] = 0.5, -2.0
    one, two = filter_tiles(before, after)
    assert one[0, 0, 0, 0] == round(127.5 + 127.5 * 0.25)
    assert two[1, 2, 2, 2] == 0
    assert one[1, 1, 1, 1] == two[0, 0, 0, 0] == 128  # zero is the middle in both
    assert (filter_tiles(np.zeros((1, 2, 2, 3)))[0] == 128).all()


def test_a_difference_says_how_much_stronger_it_is_drawn() -> None:
    before = np.full((1, 2, 2, 3), 0.4)
    after = before.copy()
    after[0, 0, 1, 2] = 0.5
    tiles, times = difference_tiles(before, after)
    assert tiles[0, 0, 1, 2] == 255
    assert tiles[0, 1, 1, 0] == 128
    assert times == pytest.approx(0.5 / 0.1)
    assert difference_tiles(before, before)[1] == 1.0


def test_the_frame_is_around_the_place_and_inside_the_picture() -> None:
    gray = np.full((96, 96, 3), 100, np.uint8)
    picture = marked(gray, (0.625, 0.375), (4, 4), side=96)  # the third column, the second row: 48 to 72, 24 to 48
    changed = np.argwhere((picture != gray).any(-1))
    assert changed.min(0).tolist() == [24, 48]
    assert changed.max(0).tolist() == [47, 71]
    assert tuple(picture[24, 48]) == (0, 0, 0)
    assert tuple(picture[25, 49]) == (255, 255, 255)
    assert tuple(picture[26, 50]) == (100, 100, 100)  # what is marked stays to be seen
    assert (gray == 100).all()
    corner = np.argwhere((marked(gray, (0.999, 0.001), (60, 60), side=96) != gray).any(-1))  # a cell of 1.6 pixels
    assert (corner.min(0).tolist(), corner.max(0).tolist()) == ([0, 83], [12, 95])
    whole = marked(gray, (0.5, 0.5), (1, 1), side=96)
    assert tuple(whole[0, 0]) == tuple(whole[95, 95]) == (0, 0, 0)


def test_a_channel_has_one_scale_in_all_networks() -> None:
    before = np.array([[[0.0, 5.0], [2.0, 5.0]]])  # (1, 2, 2): one row, two columns, two channels
    after = np.array([[[1.0, 5.0], [4.0, 5.0]]])
    one, two = map_tiles(before.astype(np.float16), after.astype(np.float16))
    assert one.shape == (2, 1, 2, 3)
    assert one[0, 0, :, 0].tolist() == [0, 128]
    assert two[0, 0, :, 0].tolist() == [64, 255]
    assert (one[1] == 0).all()  # a channel without a difference
    assert map_tiles(after)[0][0, 0, :, 0].tolist() == [0, 255]


def test_one_colour_means_one_thing_in_two_networks() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4, 5, 5, 3)) * [3, 2, 1]
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    (one, two), agreement = colour_tiles(scores, 10 * scores @ rotation)
    assert agreement == pytest.approx(1)
    assert np.abs(one.astype(int) - two.astype(int)).max() <= 1
    (alone,), nothing = colour_tiles(scores)
    assert nothing is None
    np.testing.assert_array_equal(alone, one)
    assert (alone == 0).mean() == pytest.approx(0.01, abs=0.01)
    (_, _), apart = colour_tiles(scores, rng.normal(size=scores.shape))
    assert apart < 0.2


def test_agreement_is_the_variance_explained_by_the_best_turn() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(size=(2, 4, 4, 3))
    second = first + rng.normal(size=first.shape)
    first, second = (values - values.mean((0, 1, 2)) for values in (first, second))
    a, b = first.reshape(-1, 3), second.reshape(-1, 3)
    left, sizes, right = np.linalg.svd(b.T @ a)
    turned = b @ left @ right * (sizes.sum() / (b**2).sum())
    explained = 1 - ((a - turned) ** 2).sum() / (a**2).sum()
    assert colour_tiles(first, second)[1] == pytest.approx(explained)
