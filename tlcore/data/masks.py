"""Where the lungs are, on those chest X-rays of which it was drawn. No torch."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import numpy as np
from PIL import Image

from tlcore.assets import fetch
from tlcore.data.card import Framing
from tlcore.data.catalogue import dataset_card
from tlcore.data.framing import frame
from tlcore.data.pictures import decode
from tlcore.data.pinned import CHEST_XRAY_MASKS
from tlcore.data.sources import listing
from tlcore.progress import Progress, silent

MASKED: Final = ("chest-xray", "chest-xray-3")
MASKS_OF: Final = "normal films alone"  # what must be said of them: a pneumonia film has no mask
_INSIDE: Final = 128  # gray level from which a pixel is lung; the masks are 0 or 255 before they are resized


def lung_masks(dataset: str, image_size: int, *, progress: Progress = silent) -> dict[str, np.ndarray]:
    """The lungs as bool (image_size, image_size) by the picture's id, framed as the pictures are; empty where nobody drew them.

    Of the chest X-rays 299 normal films have one, whichever of our splits they fall in, less those that are left out of the
    listing as exact duplicates. Raises `UnknownName` and `AssetError`.
    """
    card = dataset_card(dataset)
    if dataset not in MASKED:
        return {}
    folder = fetch(CHEST_XRAY_MASKS, progress=progress)
    found = {}
    for item in listing(dataset, progress=progress).items:
        file = folder / PurePosixPath(item.id).with_suffix(".png")
        if file.is_file():
            found[item.id] = _framed(decode(file), image_size, card.framing)
    return found


def _framed(mask: Image.Image, image_size: int, framing: Framing) -> np.ndarray:
    gray = np.asarray(frame(mask, image_size, framing, "bilinear"))[..., 0]
    return gray >= _INSIDE
