"""The twelve two-dimensional MedMNIST sets: facts as their authors publish them (medmnist 3.0.2), and how their files read.

A set is one `.npz` file with `train_images`, `train_labels`, `val_*` and `test_*`. It is looked for in the data roots, in
the cache and in the medmnist package's own folder, as `NAME.npz` (28 px) or `NAME_64.npz`, `NAME_128.npz`, `NAME_224.npz`;
of several the smallest that is not below the wanted size is taken. Where there is none, the 28 px file is fetched.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tlcore.assets import fetch
from tlcore.data import pinned
from tlcore.data.arrays import array_items
from tlcore.data.card import DatasetCard, Task
from tlcore.data.listing import SPLITS, Item, Listing
from tlcore.errors import DataError
from tlcore.progress import Progress
from tlcore.settings import cache_dir, data_roots

_MULTI_LABEL: Final = (
    "Each of its pictures may show several findings at once (multi-label), and Thaw trains classifiers that give one answer "
    "for each picture."
)
SIZES: Final = (28, 64, 128, 224)


@dataclass(frozen=True)
class MedSet:
    """What is published about one set."""

    title: str
    sentence: str
    task: Task
    images: tuple[int, int, int]  # train, val, test
    md5: str
    classes: tuple[str, ...]
    gray: bool = True
    flips: bool = False
    licence: str = "CC BY 4.0"
    warnings: tuple[str, ...] = ()


_ORGANS = (
    *("bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver"),
    *("lung-left", "lung-right", "pancreas", "spleen"),
)
_SIDES = ("Left and right organs are different classes, so pictures are never mirrored.",)

MEDMNIST: Final[dict[str, MedSet]] = {
    "pathmnist": MedSet(
        "PathMNIST",
        "Nine kinds of tissue in stained histology of colorectal cancer.",
        "multi-class",
        (89996, 10004, 7180),
        "a8b06965200029087d5bd730944a56c1",
        (
            *("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa"),
            *("cancer-associated stroma", "colorectal adenocarcinoma epithelium"),
        ),
        gray=False,
        flips=True,
        warnings=("The test pictures come from another clinical centre than the rest: a change of domain.",),
    ),
    "chestmnist": MedSet(
        "ChestMNIST",
        "Fourteen findings, several at once, in frontal chest X-rays of adults.",
        "multi-label",
        (78468, 11219, 22433),
        "02c8a6516a18b556561a56cbdd36c4a8",
        (
            *("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax"),
            *("consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia"),
        ),
        warnings=("The labels were read from reports by a program and are partly wrong.",),
    ),
    "dermamnist": MedSet(
        "DermaMNIST",
        "Seven kinds of pigmented skin lesion under the dermatoscope.",
        "multi-class",
        (7007, 1003, 2005),
        "0744692d530f8e62ec473284d019b0c7",
        (
            *("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions"),
            *("dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions"),
        ),
        gray=False,
        flips=True,
        licence="CC BY-NC 4.0: not for commercial use",
        warnings=(
            "Pictures of the same lesion are in more than one split, so results look better than they are.",
            "Two thirds of the pictures are melanocytic nevi: look at balanced accuracy.",
        ),
    ),
    "octmnist": MedSet(
        "OCTMNIST",
        "Three diseases and the healthy retina in optical coherence tomography.",
        "multi-class",
        (97477, 10832, 1000),
        "c68d92d5b585d8d81f7112f81e2d0842",
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
        flips=True,
        warnings=("The classes are balanced in the test pictures and unbalanced in the others.",),
    ),
    "pneumoniamnist": MedSet(
        "PneumoniaMNIST",
        "Children's chest X-rays, normal or with pneumonia.",
        "binary",
        (4708, 524, 624),
        "28209eda62fecd6e6a2d98b1501bb15f",
        ("normal", "pneumonia"),
        warnings=("The same collection as chest-xray: do not take one as a test of the other.",),
    ),
    "retinamnist": MedSet(
        "RetinaMNIST",
        "Five grades of diabetic retinopathy in photographs of the retina.",
        "ordinal",
        (1080, 120, 400),
        "bd4c0672f1bba3e3a89f0e4e876791e4",
        ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"),
        gray=False,
        flips=True,
        warnings=("The grades have an order. It is trained and scored as five unordered classes, which ignores that.",),
    ),
    "breastmnist": MedSet(
        "BreastMNIST",
        "Breast ultrasound, malignant or not.",
        "binary",
        (546, 78, 156),
        "750601b1f35ba3300ea97c75c52ff8f6",
        ("malignant", "normal, benign"),
        flips=True,
        warnings=("Always answering 'normal, benign' scores 73 % on the test pictures: look at balanced accuracy.",),
    ),
    "bloodmnist": MedSet(
        "BloodMNIST",
        "Eight kinds of blood cell under the microscope.",
        "multi-class",
        (11959, 1712, 3421),
        "7053d0359d879ad8a5505303e11de1dc",
        (
            *("basophil", "eosinophil", "erythroblast"),
            "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
            *("lymphocyte", "monocyte", "neutrophil", "platelet"),
        ),
        gray=False,
        flips=True,
    ),
    "tissuemnist": MedSet(
        "TissueMNIST",
        "Eight kinds of kidney cortex cell under the fluorescence microscope.",
        "multi-class",
        (165466, 23640, 47280),
        "ebe78ee8b05294063de985d821c1c34b",
        (
            *("Collecting Duct, Connecting Tubule", "Distal Convoluted Tubule", "Glomerular endothelial cells"),
            *("Interstitial endothelial cells", "Leukocytes", "Podocytes", "Proximal Tubule Segments", "Thick Ascending Limb"),
        ),
        flips=True,
        warnings=("All cells come from three pieces of tissue, so the splits share their donors.",),
    ),
    "organamnist": MedSet(
        "OrganAMNIST",
        "Eleven organs in axial slices of abdominal CT.",
        "multi-class",
        (34561, 6491, 17778),
        "68e3f8846a6bd62f0c9bf841c0d9eacc",
        _ORGANS,
        warnings=_SIDES,
    ),
    "organcmnist": MedSet(
        "OrganCMNIST",
        "Eleven organs in coronal slices of abdominal CT.",
        "multi-class",
        (12975, 2392, 8216),
        "b9ceb9546e10131b32923c5bbeaea2b1",
        _ORGANS,
        warnings=_SIDES,
    ),
    "organsmnist": MedSet(
        "OrganSMNIST",
        "Eleven organs in sagittal slices of abdominal CT.",
        "multi-class",
        (13932, 2452, 8827),
        "9ab87b696fb54e2a387ebe992d6ed5f1",
        _ORGANS,
        warnings=_SIDES,
    ),
}


def medmnist_card(name: str) -> DatasetCard:
    facts = MEDMNIST[name]
    return DatasetCard(
        name=name,
        title=facts.title,
        sentence=facts.sentence,
        task=facts.task,
        classes=facts.classes,
        licence=facts.licence,
        attribution="Yang et al., MedMNIST v2, Scientific Data 10, 2023 (medmnist.com)",
        size=f"{sum(facts.images):,} images, 28 px, {'gray' if facts.gray else 'colour'}; larger from your own .npz files",
        images=dict(zip(SPLITS, facts.images, strict=True)),
        split_rule="The authors' own training, validation and test split.",
        warnings=facts.warnings,
        flips=facts.flips,
        medical=True,
        refusal=_MULTI_LABEL if facts.task == "multi-label" else "",
    )


def medmnist_listing(name: str, image_size: int, progress: Progress) -> Listing:
    """The pictures of one set, from the file that suits `image_size`. Raises `DataError` and `AssetError`."""
    facts = MEDMNIST[name]
    if facts.task == "multi-label":
        raise DataError(f"{facts.title} cannot be used. {_MULTI_LABEL}", next_step="Choose another dataset.")
    here = sorted(_files_here(name), key=lambda found: (found[0] < image_size, abs(found[0] - image_size)))
    if here:
        file = here[0][1]
    else:
        values = 1 if facts.gray else 3
        asset = pinned.medmnist(name, facts.md5, facts.licence, size_bytes=sum(facts.images) * 28 * 28 * values)
        file = fetch(asset, progress=progress) / f"{name}.npz"
    progress(f"Reading {facts.title}", 0, 0, "")
    items: list[Item] = []
    try:
        with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            for split in SPLITS:
                labels = _labels(arrays[f"{split}_labels"], facts)
                items += array_items(arrays[f"{split}_images"], labels, prefix=split, split=split)
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{file.name} is not a MedMNIST file: {error}.",
            next_step=f"Fetch it again from {pinned.MEDMNIST_SITE}, or remove it and let Thaw fetch it.",
        ) from error
    return Listing(tuple(items), facts.classes)


def _labels(labels: np.ndarray, facts: MedSet) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.min() < 0 or labels.max() >= len(facts.classes):
        raise ValueError(f"its labels are not one number from 0 to {len(facts.classes) - 1} for each picture")
    return labels


def _files_here(name: str) -> Iterator[tuple[int, Path]]:
    """(size in pixels, file) of the set's files on this machine."""
    for root in (*data_roots(), cache_dir() / "medmnist", Path.home() / ".medmnist"):
        for size in SIZES:
            file = root / (f"{name}.npz" if size == 28 else f"{name}_{size}.npz")
            if file.is_file():
                yield size, file
