"""The ImageNet classes of each CIFAR-10 class, held against timm's names."""

from __future__ import annotations

import numpy as np
import pytest
from timm.data import ImageNetInfo

from tlcore.data.catalogue import DATASETS
from tlcore.source_probes.catalogue import SOURCES
from tlcore.source_probes.imagenet_of_cifar10 import IMAGENET_OF, sums
from tlcore.spec.run import SourceName

NAMES = {
    "airplane": {"airliner", "warplane"},
    "automobile": {
        *("ambulance", "beach wagon", "cab", "convertible", "jeep", "limousine", "minivan", "Model T", "racer", "sports car"),
    },
    "cat": {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"},
    "deer": {"hartebeest", "impala", "gazelle"},
    "frog": {"bullfrog", "tree frog", "tailed frog"},
    "horse": {"sorrel"},
    "ship": {
        *("aircraft carrier", "canoe", "catamaran", "container ship", "fireboat", "gondola", "lifeboat", "liner", "pirate"),
        *("schooner", "speedboat", "submarine", "trimaran", "yawl"),
    },
    "truck": {"fire engine", "garbage truck", "moving van", "tow truck", "trailer truck"},
}


def _first_name(place: int) -> str:
    return ImageNetInfo("imagenet-1k").index_to_description(place).partition(",")[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_places_are_the_classes_that_they_are_said_to_be(name: str) -> None:
    assert {_first_name(place) for place in IMAGENET_OF[name]} == NAMES[name]


def test_birds_and_dogs_are_runs_of_neighbours_with_nothing_else_among_them() -> None:
    assert len(IMAGENET_OF["bird"]) == 59
    assert len(IMAGENET_OF["dog"]) == 118
    ends = [_first_name(place) for place in (7, 24, 80, 100, 127, 146)]
    assert ends == ["cock", "great grey owl", "black grouse", "black swan", "white stork", "albatross"]
    assert (_first_name(6), _first_name(25), _first_name(101), _first_name(147)) == (
        *("stingray", "European fire salamander", "tusker", "grey whale"),
    )
    assert [_first_name(place) for place in (150, 151, 268, 269)] == [
        "sea lion",
        "Chihuahua",
        "Mexican hairless",
        "timber wolf",
    ]


def test_each_imagenet_class_belongs_to_one_class_at_most_and_each_class_has_some() -> None:
    classes = DATASETS["cifar10"].classes
    assert set(IMAGENET_OF) == set(classes)
    matrix = sums(classes)
    assert matrix.shape == (1000, 10)
    assert matrix.sum(1).max() == 1
    assert matrix.sum(0).tolist() == [len(IMAGENET_OF[name]) for name in classes]
    assert np.flatnonzero(matrix[:, classes.index("horse")]).tolist() == [339]


def test_the_catalogue_and_the_spec_name_the_same_sources() -> None:
    assert tuple(SOURCES) == SourceName.__args__
    assert all(card.name == name and card.sentence and card.needs and card.licence for name, card in SOURCES.items())
