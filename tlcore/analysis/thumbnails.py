"""Small copies of a split's images, all in one file, so that a page can show any of them without the dataset."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tlcore.data.load import Split
from tlcore.files import write_atomically

FILE = "thumbnails.jpg"
SIDE = 96  # pixels of one
WIDEST = 4096  # pixels of the sheet: of very many images each is smaller
QUALITY = 85


def write_thumbnails(split: Split, folder: Path) -> dict[str, Any]:
    """Write the images of `split`, row by row, to `folder`/thumbnails.jpg: {file, side, columns, count}.

    None is larger than 96 pixels; smaller images stay as they are.
    """
    columns = max(1, math.ceil(math.sqrt(len(split))))
    side = max(1, min(SIDE, split.images.shape[1], WIDEST // columns))
    sheet = Image.new("RGB", (columns * side, max(1, math.ceil(len(split) / columns)) * side))
    for place, image in enumerate(split.images):
        small = Image.fromarray(np.asarray(image)).resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(small, (place % columns * side, place // columns * side))
    content = io.BytesIO()
    sheet.save(content, "JPEG", quality=QUALITY)
    write_atomically(folder / FILE, content.getvalue())
    return {"file": FILE, "side": side, "columns": columns, "count": len(split)}
