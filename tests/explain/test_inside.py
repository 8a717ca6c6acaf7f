"""The share inside a mask and the pointing game, worked out by hand; chance is the mask's area on every grid."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.errors import SpecError
from tlcore.explain.inside import AREAS, REGIONS, centre_blob, inside, pointing, regions, share, where
from tlcore.training.intervals import mean_interval, share_interval

LEFT = np.zeros((1, 4, 4), dtype=bool)
LEFT[:, :, :2] = True


def test_the_share_by_hand() -> None:
    maps = np.array([[[1.0, 0], [3, 2]], [[-5, 1], [-1, 1]], [[0, 0], [-2, 0]]])
    masks = np.repeat(LEFT, 3, axis=0)
    np.testing.assert_allclose(share(maps, masks), [4 / 6, 0, np.nan])  # what is negative speaks against the class


def test_a_cell_that_is_cut_by_the_mask_counts_by_its_share() -> None:
    mask = np.zeros((1, 6, 6), dtype=bool)
    mask[0, :, :4] = True  # of three columns of cells, 2 pixels wide: two inside
    maps = np.zeros((1, 4, 4))  # of four columns, 1.5 pixels wide: the third is two thirds... of a pixel inside
    maps[0, 1, 2] = 7
    assert share(maps, mask)[0] == pytest.approx((4 - 3) / 1.5)
    assert pointing(maps, mask)[0] == pytest.approx((4 - 3) / 1.5)


def test_the_pointing_game_by_hand() -> None:
    maps = np.array([[[1.0, 0], [3, 2]], [[1, 3], [3, 0]], [[0, 9], [0, 0]], [[0, 0], [0, 0]]])
    masks = np.repeat(LEFT, 4, axis=0)
    np.testing.assert_allclose(pointing(maps, masks), [1, 0.5, 0, np.nan])  # two that are equally strong share the point


@pytest.mark.parametrize("side", [3, 4, 7, 14, 32])
def test_a_map_that_is_the_same_everywhere_reaches_the_masks_area(side: int) -> None:
    masks = np.random.default_rng(0).random((6, 32, 32)) < np.linspace(0.1, 0.9, 6)[:, None, None]
    flat = np.full((6, side, side), 0.3)
    np.testing.assert_allclose(share(flat, masks), masks.mean((1, 2)))
    np.testing.assert_allclose(pointing(flat, masks), masks.mean((1, 2)))


def test_so_do_random_maps_on_average() -> None:
    rng = np.random.default_rng(1)
    masks = np.repeat(rng.random((1, 32, 32)) < 0.3, 4000, axis=0)
    maps = rng.random((4000, 4, 4))
    assert share(maps, masks).mean() == pytest.approx(masks[0].mean(), abs=0.01)
    assert pointing(maps, masks).mean() == pytest.approx(masks[0].mean(), abs=0.01)


def test_the_summary_by_hand() -> None:
    maps = np.array([[[1.0, 0], [3, 2]], [[0, 1], [0, 1]], [[1, 0], [0, 0]], [[0, 0], [0, 0]]])
    masks = np.repeat(LEFT, 4, axis=0)
    masks[0, 0, 1] = False  # the first film's mask is 7/16 of it, its first cell 3/4
    found = inside(maps, masks, seed=3)
    assert (found["images"], found["silent"], found["grid"]) == (3, 1, [2, 2])
    shares = np.array([(0.75 + 3) / 6, 0, 1])
    areas = np.array([7 / 16, 0.5, 0.5])
    assert found["share"] == mean_interval(shares, seed=3)
    assert found["share"]["method"] == "bootstrap"
    assert found["chance"] == pytest.approx(areas.mean())
    assert found["share_over_chance"] == mean_interval(shares - areas, seed=3)
    assert (found["lowest"], found["highest"]) == (0, 1)
    assert found["there"] == share_interval(np.array([True, False, True]), seed=3)
    assert found["there_by_chance"] == pytest.approx(0.5)  # two of four places are mostly inside, in every film
    assert found["there_at_most"] == 1
    assert found["perfect"] == pytest.approx(((0.75**2 + 1) / 1.75 + 1 + 1) / 3)
    assert found["centre"] == pytest.approx((0.75 / 4 + 0.25 + 0.5 + 0.5) / 3)  # on four cells a blob is the same everywhere


def test_a_coarse_grid_says_what_it_could_reach() -> None:
    mask = np.zeros((1, 8, 8), dtype=bool)
    mask[0, 2:6, 3:5] = True
    found = inside(np.ones((1, 2, 2)), mask, seed=0)
    assert found["highest"] == found["lowest"] == found["chance"] == pytest.approx(1 / 8)  # two by two, it tells nothing


def test_patients_are_drawn_whole() -> None:
    rng = np.random.default_rng(2)
    maps, masks = rng.random((40, 4, 4)), rng.random((40, 16, 16)) < 0.4
    maps[5] = 0
    owners = [f"patient {i // 4}" for i in range(40)]
    kept = [owner for i, owner in enumerate(owners) if i != 5]
    expected = mean_interval(np.delete(share(maps, masks), 5), seed=1, clusters=kept)
    assert inside(maps, masks, seed=1, clusters=owners)["share"] == expected
    assert inside(maps, masks, seed=1)["share"] != expected


def test_without_a_single_map_there_are_no_numbers() -> None:
    found = inside(np.zeros((2, 4, 4)), np.repeat(LEFT, 2, axis=0), seed=0)
    assert (found["images"], found["silent"]) == (0, 2)
    assert found["share"]["value"] is None
    assert found["chance"] is None
    assert where(np.zeros((2, 4, 4)), seed=0)["regions"]["middle"]["value"] is None


def test_regions_cover_the_picture_once() -> None:
    assert sum(AREAS.values()) == 1
    assert (sum(region.astype(int) for region in regions().values()) == 1).all()
    assert {name: region.mean() for name, region in regions().items()} == AREAS
    assert regions()["top right corner"][0, 3]
    assert regions()["bottom edge"][3].tolist() == [False, True, True, False]
    assert sum(map(len, REGIONS)) == 9


def test_where_evidence_lies_by_hand() -> None:
    maps = np.zeros((2, 8, 8))
    maps[0, 0, 0] = maps[0, 4, 4] = 2  # half of it in the corner, half in the middle
    maps[1, 7, 3] = 1
    found = where(maps, seed=0)
    values = {name: region["value"] for name, region in found["regions"].items()}
    assert values["top left corner"] == 0.25
    assert values["middle"] == 0.25
    assert values["bottom edge"] == 0.5
    there = {name: region["there"]["value"] for name, region in found["regions"].items()}
    assert there == dict.fromkeys(AREAS, 0.0) | {"bottom edge": 0.5}  # the other picture has two strongest places, half each
    assert sum(values.values()) == pytest.approx(1)
    assert found["regions"]["left edge"]["area"] == 1 / 8
    even = where(np.ones((3, 7, 7)), seed=0)["regions"]
    assert all(region["value"] == pytest.approx(region["area"]) for region in even.values())


def test_the_blob_is_in_the_middle() -> None:
    blob = centre_blob(64)
    np.testing.assert_allclose(blob, blob[::-1])
    np.testing.assert_allclose(blob, blob.T)
    assert blob[32, 48] / blob[32, 32] == pytest.approx(np.exp(-0.5), rel=0.05)  # a standard deviation away


def test_hostile_maps_are_refused() -> None:
    with pytest.raises(SpecError, match="one mask"):
        share(np.ones((2, 4, 4)), LEFT)
    with pytest.raises(SpecError, match="one mask"):
        share(np.ones((4, 4)), LEFT)
    for bad in (np.nan, np.inf):
        with pytest.raises(SpecError, match="no number"):
            inside(np.full((1, 4, 4), bad), LEFT, seed=0)
