"""Which of ImageNet's 1,000 classes belong to each of CIFAR-10's ten, as data. No torch.

Places are those of the usual order, ascending by WordNet id (`timm.data.ImageNetInfo("imagenet-1k")` names each). The rule: a
class belongs where its synset lies below the CIFAR-10 class's own noun in WordNet, with what CIFAR-10's authors say about
their classes. They left pickups out of both cars and trucks, and count big lorries alone as trucks. A bird's, a dog's and a
house cat's kinds are runs of neighbours. ImageNet has no deer: the three antelopes, the nearest of its even-toed ruminants in
shape, stand for it. Its one horse is the sorrel, and a zebra is none. Of those below a noun nothing is left out for its
score.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

IMAGENET_CLASSES: Final = 1000
IMAGENET_OF: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "airplane": (404, 895),  # airliner, warplane
        # ambulance, beach wagon, cab, convertible, jeep, limousine, minivan, Model T, racer, sports car
        "automobile": (407, 436, 468, 511, 609, 627, 656, 661, 751, 817),
        "bird": (
            *range(7, 25),
            *range(80, 101),
            *range(127, 147),
        ),  # cock to great grey owl; grouse to swan; stork to albatross
        "cat": tuple(range(281, 286)),  # tabby, tiger cat, Persian, Siamese, Egyptian
        "deer": (351, 352, 353),  # hartebeest, impala, gazelle
        "dog": tuple(range(151, 269)),  # Chihuahua to Mexican hairless
        "frog": (30, 31, 32),  # bullfrog, tree frog, tailed frog
        "horse": (339,),  # sorrel
        # aircraft carrier, canoe, catamaran, container ship, fireboat, gondola, lifeboat, liner, pirate ship, schooner,
        # speedboat, submarine, trimaran, yawl
        "ship": (403, 472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 833, 871, 914),
        "truck": (555, 569, 675, 864, 867),  # fire engine, garbage truck, moving van, tow truck, trailer truck
    }
)


def sums(classes: tuple[str, ...]) -> np.ndarray:
    """float64 (1000, C) of 0 and 1: what adds up ImageNet's probabilities to those of CIFAR-10's `classes`."""
    matrix = np.zeros((IMAGENET_CLASSES, len(classes)))
    for column, name in enumerate(classes):
        matrix[list(IMAGENET_OF[name]), column] = 1
    return matrix
