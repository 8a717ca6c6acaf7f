"""Batches that go through by halves where memory runs out."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from tests.analysis.watched import CPU
from tlcore.errors import OutOfMemory
from tlcore.models.memory import by_batches


class Room:
    """Holds so many images at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked: list[tuple[int, int, int]] = []

    def __call__(self, part: slice, at_once: int) -> list[int]:
        self.asked.append((part.start, part.stop, at_once))
        if part.stop - part.start > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(range(part.start, part.stop))


@pytest.mark.parametrize("most", [1, 3, 5, 32])
def test_every_image_is_asked_once_and_in_order(most: int) -> None:
    room = Room(most)
    found = list(by_batches(11, 8, CPU, room))
    assert [one for _, batch in found for one in batch] == list(range(11))
    assert all(batch == list(range(part.start, part.stop)) for part, batch in found)


def test_what_fitted_once_is_not_tried_larger_again() -> None:
    room = Room(2)
    list(by_batches(7, 8, CPU, room))
    assert room.asked == [(0, 7, 8), (0, 4, 4), (0, 2, 2), (2, 4, 2), (4, 6, 2), (6, 7, 2)]


def test_where_not_one_fits_that_is_said() -> None:
    with pytest.raises(OutOfMemory, match="Not even the smallest possible batch"):
        list(by_batches(3, 4, CPU, Room(0)))


def test_any_other_error_is_not_swallowed() -> None:
    def broken(_part: slice, _at_once: int) -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        list(by_batches(3, 4, CPU, broken))


def test_nothing_of_a_failed_attempt_is_held_for_the_next() -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def ask(part: slice, at_once: int) -> int:
        gc.collect()
        assert not any(one() is not None for one in held)
        if at_once > 1:
            large = torch.zeros(8)
            held.append(weakref.ref(large))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return part.start

    assert [found for _, found in by_batches(2, 4, CPU, ask)] == [0, 1]
    assert len(held) == 2
