"""The images of a task as a folder of files, which all read, and as the datasets that the peers are given."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from tlcore.bench.task import Task
from tlcore.bench.timing import Clock
from tlcore.data.card import DatasetCard
from tlcore.data.catalogue import dataset_card
from tlcore.data.framing import frame
from tlcore.data.listing import SPLITS, Item, SplitName
from tlcore.data.sources import listing, split_listing
from tlcore.data.splits import subsample

Example = tuple[torch.Tensor, int]  # uint8 (S, S, 3) and its class


@dataclass(frozen=True)
class Folder:
    """A folder as a person would have it: train, val and test, and in each one folder for each class."""

    path: Path
    card: DatasetCard  # what this engine makes of such a folder: its framing, and whether it mirrors
    files: dict[SplitName, tuple[Path, ...]] = field(repr=False)
    labels: dict[SplitName, tuple[int, ...]] = field(repr=False)
    classes: int

    @property
    def images(self) -> dict[str, int]:
        return {split: len(files) for split, files in self.files.items()}


def lay_out(task: Task, path: Path) -> Folder:
    """Write the task's images to the new folder `path`.

    Of each class `task.images_per_class` for training, and as many for validation and test as keeps the dataset's shares.
    """
    card = dataset_card(task.dataset)
    found = split_listing(card, listing(task.dataset, image_size=task.image_size))
    files: dict[SplitName, tuple[Path, ...]] = {}
    labels: dict[SplitName, tuple[int, ...]] = {}
    for split in SPLITS:
        items = [item for item in found.items if item.split == split]
        per_class = max(1, round(task.images_per_class * card.shares[split] / card.shares["train"]))
        chosen = subsample(items, per_class, task.seed)
        files[split] = tuple(_write(item, path / split / f"class-{item.label:03d}", i) for i, item in enumerate(chosen))
        labels[split] = tuple(item.label for item in chosen)
    return Folder(path, dataset_card(str(path)), files, labels, len(found.classes))


def _write(item: Item, folder: Path, place: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if item.file is not None:
        return Path(shutil.copyfile(item.file, folder / f"{place:05d}{item.file.suffix}"))
    file = folder / f"{place:05d}.png"
    item.read().save(file)
    return file


class FromFiles(Dataset[Example]):
    """Each image read from its file whenever it is asked for: what a user's dataset does."""

    def __init__(self, folder: Folder, split: SplitName, image_size: int, interpolation: str) -> None:
        self.files, self.labels = folder.files[split], folder.labels[split]
        self.image_size, self.framing, self.interpolation = image_size, folder.card.framing, interpolation

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Example:
        with Image.open(self.files[index]) as picture:
            square = frame(picture.convert("RGB"), self.image_size, self.framing, self.interpolation)
        return torch.from_numpy(np.array(square)), self.labels[index]


class InMemory(Dataset[Example]):
    """The same images, decoded beforehand and kept as tensors: kinder than what most people do."""

    def __init__(self, source: FromFiles) -> None:
        self.images = torch.stack([source[i][0] for i in range(len(source))])
        self.labels = source.labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Example:
        return self.images[index], self.labels[index]


class Watched(Dataset[Example]):
    """The first `images` of a dataset, with the time at which each was asked for and what reading took in all.

    However a framework loops, the images of one batch are asked for after those of the batch before: the time from one
    batch's first image to the next one's is the whole cost of a step, the framework's own share included.
    """

    def __init__(self, source: Sequence[Example] | Dataset[Example], images: int, clock: Clock) -> None:
        self.source, self.images, self.clock = source, images, clock
        self.asked: list[float] = []
        self.reading_seconds = 0.0

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> Example:
        if not 0 <= index < self.images:
            raise IndexError(index)
        began = self.clock()
        self.asked.append(began)
        example = self.source[index]
        self.reading_seconds += self.clock() - began
        return example

    @property
    def reading_seconds_per_image(self) -> float:
        return self.reading_seconds / len(self.asked)
