"""What excites a channel most: against a search through all maps at once, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tlcore.analysis.excited import Excited


def _fed(maps: torch.Tensor, batches: list[int], kept: int = 8) -> Excited:
    excited, first = Excited(kept), 0
    for size in batches:
        excited.see("stage", maps[first : first + size])
        excited.passed(size)
        first += size
    return excited


@pytest.mark.parametrize("batches", [[20], [7, 7, 6], [1] * 20, [3, 17]])
def test_it_finds_what_a_search_through_everything_finds(batches: list[int]) -> None:
    maps = torch.rand(20, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    found = _fed(maps, batches, kept=5).of("stage")
    flat = maps.numpy().reshape(20, 12, 6)
    peaks = flat.max(1)  # (20, 6)
    order = np.argsort(-peaks, axis=0)[:5].T
    assert found.size == (3, 4)
    np.testing.assert_array_equal(found.images, order)
    np.testing.assert_array_equal(found.values, np.take_along_axis(peaks.T, order, 1))
    for channel in range(6):
        for rank, image in enumerate(order[channel]):
            row, column = divmod(int(flat[image, :, channel].argmax()), 4)
            assert found.places[channel, rank] == pytest.approx(((column + 0.5) / 4, (row + 0.5) / 3))
    assert found.alive.all()


def test_a_planted_dot_is_marked_where_it_is() -> None:
    maps = torch.zeros(4, 5, 5, 2)
    maps[2, 1, 3, 0] = 9.0  # the third image, second row, fourth column
    found = _fed(maps, [3, 1], kept=1).of("stage")
    assert found.images[0, 0] == 2
    assert found.places[0, 0] == pytest.approx((0.7, 0.3))
    assert list(found.alive) == [True, False]  # nothing moves the second channel


def test_of_equal_values_the_earlier_image_stays_ahead() -> None:
    found = _fed(torch.ones(6, 2, 2, 1), [2, 2, 2], kept=3).of("stage")
    assert found.images.tolist() == [[0, 1, 2]]


def test_fewer_images_than_are_kept() -> None:
    found = _fed(torch.rand(3, 2, 2, 4), [2, 1], kept=8).of("stage")
    assert found.images.shape == (4, 3)
    assert sorted(found.images[0]) == [0, 1, 2]


def test_negative_maps_are_no_worse() -> None:
    maps = -1 - torch.rand(9, 2, 2, 1, generator=torch.Generator().manual_seed(3))
    found = _fed(maps, [4, 5], kept=2).of("stage")
    assert found.images[0, 0] == int(maps.amax((1, 2))[:, 0].argmax())


def test_a_pass_that_failed_half_way_does_not_count() -> None:
    maps = torch.rand(4, 2, 2, 3, generator=torch.Generator().manual_seed(1))
    excited = Excited(4)
    excited.see("stage", 100 + maps)  # and then something failed: it is never told that the pass is complete
    for part in (maps[:2], maps[2:]):
        excited.see("stage", part)
        excited.passed(2)
    assert excited.looked_at == 4
    found = excited.of("stage")
    assert found.values.max() < 1
    assert sorted(found.images[0]) == [0, 1, 2, 3]


def test_a_group_that_was_never_seen_has_nothing() -> None:
    assert _fed(torch.rand(2, 2, 2, 1), [2]).of("head") is None
