"""Deletion and insertion, with answers that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.analysis.watched import CPU
from tests.training.tiny import SIDE, tiny_network, tiny_split
from tlcore.errors import SpecError
from tlcore.explain.answer import answers_of
from tlcore.explain.faithful import ORDERS, blurred, deletion_insertion
from tlcore.training.intervals import mean_interval

SIZE, STEPS = 16, 8
QUARTER = slice(8, 12), slice(0, 8)  # 32 of 256 pixels, off the middle
rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (6, SIZE, SIZE, 3), dtype=np.uint8)
MAPS = np.zeros((6, SIZE, SIZE), np.float32)
MAPS[:, QUARTER[0], QUARTER[1]] = 1


class Intact:
    """Answers with the share of the quarter's pixels that are still those of the picture; counts what it is asked."""

    def __init__(self) -> None:
        self.pictures = self.calls = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.uint8
        self.calls += 1
        self.pictures += len(images)
        which = self.which(images)
        same = (images[:, *QUARTER] == IMAGES[which][:, *QUARTER]).all(-1).mean((1, 2))
        return np.stack([1 - same, same], 1)

    @staticmethod
    def which(images: np.ndarray) -> np.ndarray:
        """The picture that each version was made from: the one that it or its rest is nearest to."""
        candidates = np.concatenate([IMAGES, np.stack([blurred(image) for image in IMAGES])]).astype(int)
        equal = (images[:, None] == candidates[None]).all(-1).sum((2, 3))
        return (equal[:, :6] + equal[:, 6:]).argmax(1)


def test_the_areas_by_hand() -> None:
    curves = deletion_insertion(Intact(), IMAGES, MAPS, np.ones(6, np.int64), steps=STEPS)
    # Each step changes 32 pixels: the first one takes the whole quarter away, or puts it in.
    np.testing.assert_allclose(curves.deletion["map"], np.repeat([[1.0] + [0] * STEPS], 6, axis=0))
    np.testing.assert_allclose(curves.insertion["map"], np.repeat([[0.0] + [1] * STEPS], 6, axis=0))
    np.testing.assert_allclose(curves.areas("deletion", "map"), 1 / 16)
    np.testing.assert_allclose(curves.areas("insertion", "map"), 15 / 16)
    np.testing.assert_allclose(curves.fractions, np.arange(9) / 8)


def test_of_the_other_class_it_is_the_other_way_round() -> None:
    curves = deletion_insertion(Intact(), IMAGES, MAPS, np.zeros(6, np.int64), steps=STEPS)
    np.testing.assert_allclose(curves.areas("deletion", "map"), 15 / 16)


def test_orders_that_know_nothing_do_worse_and_are_measured_on_the_same_pictures() -> None:
    curves = deletion_insertion(Intact(), IMAGES, MAPS, np.ones(6, np.int64), steps=STEPS)
    for other in ("random", "centre"):
        assert (curves.areas("deletion", other) > curves.areas("deletion", "map")).all()
        assert (curves.areas("insertion", other) < curves.areas("insertion", "map")).all()
    found = curves.summary(seed=5)
    difference = curves.areas("deletion", "map") - curves.areas("deletion", "random")
    assert found["deletion"]["less_random"] == mean_interval(difference, seed=5)
    assert found["deletion"]["less_random"]["high"] < 0 < found["insertion"]["less_random"]["low"]
    assert (found["whole"], found["blurred"]) == (1, 0)
    assert found["deletion"]["curves"]["map"] == [1] + [0] * STEPS
    patients = curves.summary(seed=5, clusters=[f"patient {i // 2}" for i in range(6)])
    assert patients["deletion"]["random"]["value"] == found["deletion"]["random"]["value"]


def test_the_middle_goes_first_from_the_middle_outwards() -> None:
    seen: list[np.ndarray] = []

    def watch(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.ones((len(images), 1))

    deletion_insertion(watch, IMAGES[:1], MAPS[:1], np.zeros(1, np.int64), steps=4)
    versions = seen[0]
    assert len(versions) == 2 + 6 * 3
    np.testing.assert_array_equal(versions[0], IMAGES[0])
    np.testing.assert_array_equal(versions[1], blurred(IMAGES[0]))
    first_deleted = versions[2 + 4 * 3]  # of the centre's versions the first
    gone = (first_deleted != IMAGES[0]).any(-1)
    rows, columns = np.nonzero(gone)
    assert 55 <= len(rows) <= 64  # a quarter of 256 pixels, less those that the blur leaves as they are
    assert np.hypot(rows - 7.5, columns - 7.5).max() < 6


def test_few_questions_are_asked() -> None:
    answer = Intact()
    deletion_insertion(answer, IMAGES, MAPS, np.ones(6, np.int64), steps=STEPS)
    assert answer.pictures == 6 * (2 + 2 * len(ORDERS) * (STEPS - 1))
    assert answer.calls == 1


def test_a_map_without_any_order_is_left_out_and_counted() -> None:
    maps = MAPS.copy()
    maps[2] = 0
    answer = Intact()
    curves = deletion_insertion(answer, IMAGES, maps, np.ones(6, np.int64), steps=STEPS)
    assert curves.silent.tolist() == [False, False, True, False, False, False]
    assert np.isnan(curves.deletion["map"][2]).all()
    found = curves.summary(seed=0)
    assert (found["images"], found["silent"]) == (5, 1)
    assert found["deletion"]["map"]["value"] == pytest.approx(1 / 16)
    nothing = deletion_insertion(answer, IMAGES, np.zeros_like(maps), np.ones(6, np.int64), steps=STEPS).summary(seed=0)
    assert (nothing["images"], nothing["whole"], nothing["deletion"]["map"]["value"]) == (0, None, None)


def test_the_seed_draws_the_random_order_alone() -> None:
    def areas(seed: int) -> tuple[float, float]:
        curves = deletion_insertion(Intact(), IMAGES, MAPS, np.ones(6, np.int64), steps=STEPS, seed=seed)
        return curves.areas("deletion", "random").mean(), curves.areas("deletion", "map").mean()

    assert areas(1) == areas(1)
    assert areas(1)[0] != areas(2)[0]
    assert areas(1)[1] == areas(2)[1]


def test_a_coarse_maps_random_rival_is_as_coarse() -> None:
    """Scattered single pixels would take the texture from everywhere at once: no fair rival of a map of four cells."""
    seen: list[np.ndarray] = []

    def watch(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.ones((len(images), 1))

    deletion_insertion(watch, IMAGES[:1], rng.random((1, 2, 2)), np.zeros(1, np.int64), steps=4)
    gone = (seen[0][2 + 2 * 3] != IMAGES[0]).any(-1)  # the first quarter that the random order takes
    beside = (gone[:, 1:] & gone[:, :-1]).sum() / gone.sum()
    assert beside > 0.7


def test_the_blur_keeps_the_light_and_takes_the_pattern() -> None:
    board = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((4, 4)))[..., None].repeat(3, -1)
    soft = blurred((255 * board).astype(np.uint8))
    assert soft.dtype == np.uint8
    assert soft[8:24, 8:24].std() < 0.1 * 127
    assert soft.mean() == pytest.approx(127.5, abs=3)
    np.testing.assert_array_equal(blurred(np.full((16, 16, 3), 77, np.uint8)), 77)


def test_a_network_answers_as_it_is_and_is_left_alone() -> None:
    network, split = tiny_network(), tiny_split(40, 0)
    network.module.train()
    answer = answers_of(network, CPU)(split.images)
    assert network.module.training
    network.module.eval()
    with torch.inference_mode():
        pictures = (torch.from_numpy(split.images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
        expected = torch.softmax(network.module(pictures).double(), 1)
    np.testing.assert_allclose(answer, expected, atol=1e-6)
    curves = deletion_insertion(
        answers_of(network, CPU), split.images[:4], rng.random((4, 4, 4)), np.ones(4, np.int64), steps=3
    )
    assert SIDE == 16
    np.testing.assert_allclose(curves.deletion["map"][:, 0], expected[:4, 1], atol=1e-6)


def test_hostile_input_is_refused() -> None:
    targets = np.ones(6, np.int64)
    with pytest.raises(SpecError, match="one map and one target"):
        deletion_insertion(Intact(), IMAGES, MAPS[:5], targets)
    with pytest.raises(SpecError, match="2 steps or more, not 1"):
        deletion_insertion(Intact(), IMAGES, MAPS, targets, steps=1)
    with pytest.raises(SpecError, match="no number"):
        deletion_insertion(Intact(), IMAGES, np.full_like(MAPS, np.nan), targets)
