"""The datasets that Thaw knows by name. A new one is a record here and a few lines in `sources.py`. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tlcore.data import pinned
from tlcore.data.card import DatasetCard, Framing, Task
from tlcore.data.medmnist import MEDMNIST, medmnist_card
from tlcore.errors import DataError, UnknownName

__all__ = ["DATASETS", "DatasetCard", "Framing", "Task", "dataset_card"]

_XRAY_RULE: Final = (
    "Split by patient, 68 % to train, 12 % to val and 20 % to test, each class alike. The shipped split is not used: "
    "120 patients are on both sides of it. Of exact duplicates one is kept."
)
_XRAY_WARNINGS: Final = (
    "An easy task: a network with random, frozen weights already reaches an AUROC of about 0.87 here. Compare with it before "
    "giving the credit to transfer.",
    "Children of one hospital: a good score here says nothing about adults or about other machines.",
    "Patients are known by file names alone.",
)


def _by_name(cards: Iterable[DatasetCard]) -> dict[str, DatasetCard]:
    return {card.name: card for card in cards}


DATASETS: Final[dict[str, DatasetCard]] = _by_name(
    [
        DatasetCard(
            name="chest-xray",
            title="Chest X-rays: pneumonia or not",
            sentence="Children's chest X-rays, normal or with pneumonia.",
            task="binary",
            classes=("normal", "pneumonia"),
            licence=pinned.CHEST_XRAY.licence,
            attribution=pinned.CHEST_XRAY.attribution,
            size="3,157 images, 224 px, gray; 30 MB to fetch",
            images={"train": 2144, "val": 375, "test": 638},
            split_rule=_XRAY_RULE,
            warnings=_XRAY_WARNINGS,
            medical=True,
        ),
        DatasetCard(
            name="chest-xray-3",
            title="Chest X-rays: normal, bacterial, viral",
            sentence="Children's chest X-rays, normal or with pneumonia by bacteria or by a virus.",
            task="multi-class",
            classes=("normal", "bacterial pneumonia", "viral pneumonia"),
            licence=pinned.CHEST_XRAY.licence,
            attribution=pinned.CHEST_XRAY.attribution,
            size="3,157 images, 224 px, gray; 30 MB to fetch",
            images={"train": 2144, "val": 375, "test": 638},
            split_rule=_XRAY_RULE + " The split is that of chest-xray.",
            warnings=(
                "Bacterial and viral pneumonia are hard to tell apart on an X-ray, for radiologists too: look at the "
                "confusion between those two, not at the accuracy alone.",
                *_XRAY_WARNINGS[1:],
            ),
            medical=True,
            shares={"train": 0.68, "val": 0.12, "test": 0.20},
        ),
        DatasetCard(
            name="traffic-lights",
            title="Traffic lights",
            sentence="Small pictures of single traffic lights, red, yellow or green.",
            task="multi-class",
            classes=("red", "yellow", "green"),
            licence=pinned.TRAFFIC_LIGHTS.licence,
            attribution=pinned.TRAFFIC_LIGHTS.attribution,
            size="1,484 images, about 30 x 62 px, colour; 4 MB to fetch",
            images={"train": 1010, "val": 177, "test": 297},
            split_rule="The shipped test pictures; 15 % of the shipped training pictures, each class alike, become val.",
            warnings=(
                "Only 44 of 1,484 are yellow: look at balanced accuracy and at the recall of yellow.",
                "Cut from film: pictures of the same light may be on both sides of the split.",
            ),
            flips=True,
            shares={"train": 0.85, "val": 0.15},
        ),
        DatasetCard(
            name="solar-cells",
            title="Solar cells (ELPV)",
            sentence="Solar cells glowing under current (electroluminescence), intact or defective.",
            task="binary",
            classes=("intact", "defective"),
            licence=pinned.SOLAR_CELLS.licence,
            attribution=pinned.SOLAR_CELLS.attribution,
            size="2,624 images, 300 px, gray; 91 MB to fetch",
            images={"train": 1837, "val": 262, "test": 525},
            split_rule="70 % to train, 10 % to val and 20 % to test, each class alike. A cell counts as defective where its "
            "labelled probability of a defect (0, 1/3, 2/3 or 1) is at least one half.",
            warnings=(
                "Looks like an X-ray and is not: a domain of its own.",
                "The cells come from 44 modules that the labels do not name, so one module may be in every split.",
                "Licensed CC BY-NC-SA 4.0: not for commercial use.",
            ),
            flips=True,
            shares={"train": 0.7, "val": 0.1, "test": 0.2},
        ),
        DatasetCard(
            name="digits",
            title="Handwritten digits",
            sentence="Tiny pictures of the digits 0 to 9: the quickest thing to try, nothing to fetch.",
            task="multi-class",
            classes=tuple("0123456789"),
            licence="CC BY 4.0 (UCI); shipped with scikit-learn, BSD 3-Clause",
            attribution="Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998. Shipped with scikit-learn.",
            size="1,797 images, 8 px, gray; nothing to fetch",
            images={"train": 1257, "val": 179, "test": 361},
            split_rule="70 % to train, 10 % to val and 20 % to test, each class alike.",
            warnings=("Pictures of 8 px are enlarged a lot: blurred shapes, far from what the backbones have seen.",),
            shares={"train": 0.7, "val": 0.1, "test": 0.2},
        ),
        DatasetCard(
            name="cifar10",
            title="CIFAR-10",
            sentence="Ten kinds of animals and vehicles in tiny photographs.",
            task="multi-class",
            classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
            licence=pinned.CIFAR10.licence,
            attribution=pinned.CIFAR10.attribution,
            size="60,000 images, 32 px, colour; 139 MB to fetch",
            images={"train": 45000, "val": 5000, "test": 10000},
            split_rule="The authors' own test pictures; 10 % of the training pictures, each class alike, become val.",
            warnings=(
                "Much like ImageNet, which the backbones were trained on: transfer is easy here.",
                "Large once decoded: 60,000 images of 128 px take 3 GB of disk. Images per class keeps it small.",
            ),
            flips=True,
            shares={"train": 0.9, "val": 0.1},
        ),
        DatasetCard(
            name="fashion-mnist",
            title="Fashion-MNIST",
            sentence="Ten kinds of clothes in tiny gray pictures.",
            task="multi-class",
            classes=(
                *("t-shirt or top", "trouser", "pullover", "dress", "coat"),
                *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
            ),
            licence=pinned.FASHION_MNIST.licence,
            attribution=pinned.FASHION_MNIST.attribution,
            size="70,000 images, 28 px, gray; 39 MB to fetch",
            images={"train": 48960, "val": 10494, "test": 10493},
            split_rule="70 % to train, 15 % to val and 15 % to test, each class alike; of exact duplicates one is kept. The "
            "files at hand do not tell the authors' own split, so results are not quite comparable with published ones.",
            warnings=("Large once decoded: 70,000 images of 128 px take 3.4 GB of disk. Images per class keeps it small.",),
            flips=True,
            merge_duplicates=True,
        ),
        *map(medmnist_card, MEDMNIST),
        DatasetCard(
            name="natural-photos",
            title="Natural photographs",
            sentence="Everyday photographs without labels: a probe of what a network still knows of its old task.",
            task="unlabelled",
            classes=("unlabelled",),
            licence=pinned.NATURAL_PHOTOS.licence,
            attribution=pinned.NATURAL_PHOTOS.attribution,
            size="919 images, 120 px, colour; 7 MB to fetch",
            images=None,
            split_rule="Not split. Every second one may be rehearsed by a pull; the others only tell what was forgotten.",
            framing="crop",
            flips=True,
            refusal="It has no labels: it is there to compare networks on, not to train them.",
        ),
    ]
)


def dataset_card(name_or_path: str) -> DatasetCard:
    """The card of a catalogued dataset, or one made up for the folder or the ZIP at a path.

    Raises `UnknownName` for what is neither, `DataError` for a path with nothing there.
    """
    if name_or_path in DATASETS:
        return DATASETS[name_or_path]
    if not name_or_path:
        raise UnknownName("dataset", name_or_path, DATASETS)
    try:
        path = Path(name_or_path).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # nothing there, no such user, a loop of links, a null byte
        if any(sign in name_or_path for sign in "/.~\\"):
            raise DataError(
                f"There is nothing at {name_or_path!r}.", next_step="Check the path of the folder or ZIP."
            ) from error
        raise UnknownName("dataset", name_or_path, DATASETS) from error
    return DatasetCard(
        name=path.name or "/",
        title=path.name or "/",
        sentence="Your own pictures.",
        task="multi-class",
        classes=(),
        licence="Yours",
        attribution="",
        size="known once it is read",
        images=None,
        split_rule="The folders train, val and test where there are such; otherwise 70 % to train, 15 % to val and 15 % to "
        "test, each class alike. Pictures of one patient, and equal pictures, are never parted.",
        warnings=("Without patients' names, pictures of one patient may be on both sides of the split.",),
    )
