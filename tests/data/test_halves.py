"""The classes in two halves: drawn by the seed, or two kinds; and the pictures of one half."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.data.catalogue import DATASETS
from tlcore.data.halves import DISTANT, half_of, halves
from tlcore.data.load import Split
from tlcore.errors import SpecError

TEN = tuple("abcdefghij")


def test_every_class_is_in_one_half_and_the_seed_decides_which() -> None:
    drawn = {halves("x", TEN, how="random", seed=seed).a for seed in range(20)}
    assert len(drawn) > 10
    for seed in range(20):
        made = halves("x", TEN, how="random", seed=seed)
        assert sorted(made.a + made.b) == list(TEN)
        assert (len(made.a), len(made.b)) == (5, 5)
        assert list(made.a) == sorted(made.a)
        assert made == halves("x", TEN, how="random", seed=seed)


def test_of_an_odd_number_b_has_one_more_and_reverse_exchanges_them() -> None:
    made = halves("x", TEN[:5], how="random", seed=1)
    assert (len(made.a), len(made.b)) == (2, 3)
    other = halves("x", TEN[:5], how="random", seed=1, reverse=True)
    assert (other.a, other.b) == (made.b, made.a)


@pytest.mark.parametrize("dataset", DISTANT)
def test_the_kinds_are_of_the_catalogues_classes_whatever_the_seed(dataset: str) -> None:
    classes = DATASETS[dataset].classes
    assert set(DISTANT[dataset].classes_a) < set(classes)
    made = halves(dataset, classes, how="distant", seed=0)
    assert made == halves(dataset, classes, how="distant", seed=1)
    assert (len(made.a), len(made.b)) == (6, 4)
    assert halves(dataset, classes, how="distant", seed=0, reverse=True).kinds == made.kinds[::-1]


def test_animals_are_far_from_vehicles() -> None:
    made = halves("cifar10", DATASETS["cifar10"].classes, how="distant", seed=0)
    assert made.b == ("airplane", "automobile", "ship", "truck")
    assert made.kinds == ("animals", "vehicles")


def test_too_few_classes_and_unknown_kinds_are_refused() -> None:
    with pytest.raises(SpecError, match="need 4 classes or more, and there are 3 here"):
        halves("x", TEN[:3], how="random", seed=0)
    with pytest.raises(SpecError, match="not known"):
        halves("digits", TEN, how="distant", seed=0)


def test_a_half_has_its_pictures_labelled_by_their_place_in_it() -> None:
    labels = np.array([3, 0, 1, 3, 2], dtype=np.int64)
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1).repeat(3, axis=3)
    part = half_of(Split(images, labels, tuple("vwxyz")), ("a", "b", "c", "d"), ("b", "d"))
    assert part.ids == ("v", "x", "y")
    assert part.labels.tolist() == [1, 0, 1]
    assert part.images[:, 0, 0, 0].tolist() == [0, 2, 3]
