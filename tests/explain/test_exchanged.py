"""Parts exchanged between pictures that are answered otherwise: by hand, on a network that reads one corner."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.explain.exchanged import _partners, exchanged
from tlcore.explain.inside import AREAS

SIZE = 8
rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 100, (24, SIZE, SIZE, 3), dtype=np.uint8)
MARKED = np.arange(24) % 3 == 0
IMAGES[MARKED, :2, :2] = 255  # the top left corner of every third picture


def reads_the_corner(images: np.ndarray) -> np.ndarray:
    sure = 0.9 * (images[:, 0, 0, 0] == 255) + 0.05
    return np.stack([1 - sure, sure], 1)


def test_the_answer_follows_the_corner_that_it_reads() -> None:
    found = exchanged(reads_the_corner, IMAGES, seed=0)
    assert found is not None
    assert (found["images"], found["alone"]) == (24, 0)
    assert list(found["regions"]) == list(AREAS)
    corner = found["regions"]["top left corner"]
    assert (corner["value"], corner["area"]) == (1, AREAS["top left corner"])
    assert corner["drop"]["value"] == pytest.approx(0.9)
    assert corner["low"] < 1  # Wilson: 24 of 24 are no proof of all
    for name in set(AREAS) - {"top left corner"}:
        assert found["regions"][name]["value"] == 0
        assert found["regions"][name]["drop"]["value"] == 0


def test_only_the_region_is_exchanged_and_with_one_that_is_answered_otherwise() -> None:
    seen: list[np.ndarray] = []

    def watch(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return reads_the_corner(images)

    exchanged(watch, IMAGES, seed=3)
    assert len(seen) == 1 + len(AREAS)
    for i, changed in enumerate(seen[1]):
        np.testing.assert_array_equal(changed[2:], IMAGES[i][2:])
        np.testing.assert_array_equal(changed[:2, 2:], IMAGES[i][:2, 2:])
        givers = (IMAGES[:, :2, :2] == changed[:2, :2]).all((1, 2, 3))
        assert givers.any()
        assert (MARKED[givers] != MARKED[i]).all()


def test_partners_take_turns() -> None:
    few = np.arange(12) % 3 == 0  # 4 of 12: too few for the others to be exchanged with
    assert _partners(few.astype(int), seed=0)[0].tolist() == [0, 3, 6, 9]
    marked = np.arange(20) % 2 == 0
    marked[:4] = False  # 8 and 12
    asked, partners = _partners(marked.astype(int), seed=0)
    assert len(asked) == 20
    assert (marked[partners] != marked[asked]).all()
    assert np.bincount(partners).max() == 2
    assert sorted(partners[~marked[asked]]) == sorted([*np.flatnonzero(marked), *partners[~marked[asked]][8:]])


def test_a_corner_leads_by_what_it_changes_beyond_the_next() -> None:
    found = exchanged(reads_the_corner, IMAGES, seed=0)
    assert found is not None
    leads = {name: one["lead"] for name, one in found["regions"].items()}
    assert leads["top left corner"]["value"] == 1
    assert leads["top left corner"]["low"] > 0.5  # every answer changed: Wilson's interval, and not none
    assert leads["bottom right corner"]["value"] == 0
    assert leads["middle"] is None


def test_patients_count_once_and_the_seed_draws_the_partners() -> None:
    def thirds(images: np.ndarray) -> np.ndarray:
        one = images[:, 6:, 6:].mean((1, 2, 3)) / 100
        return np.stack([1 - one, one], 1)

    assert exchanged(thirds, IMAGES, seed=1) == exchanged(thirds, IMAGES, seed=1)
    assert exchanged(thirds, IMAGES, seed=1) != exchanged(thirds, IMAGES, seed=2)
    whole = exchanged(thirds, IMAGES, seed=1, clusters=[f"patient {i // 3}" for i in range(24)])
    alone = exchanged(thirds, IMAGES, seed=1)
    assert whole is not None
    assert alone is not None
    ours, theirs = (found["regions"]["bottom right corner"] for found in (whole, alone))
    assert ours["value"] == theirs["value"]
    assert (ours["low"], ours["high"]) != (theirs["low"], theirs["high"])


def test_where_all_are_answered_alike_there_is_nothing_to_exchange() -> None:
    assert exchanged(lambda images: np.tile([0.7, 0.3], (len(images), 1)), IMAGES, seed=0) is None
