"""Several drawn maps as one PNG, each with its own legend and words, from left to right."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image
from PIL.PngImagePlugin import PngInfo

GAP = 12  # pixels


def joined(pictures: Sequence[bytes]) -> bytes:
    """PNGs (`explain_overlay.exported`) side by side on white; what each says of where it comes from is kept, line by line."""
    opened = [Image.open(io.BytesIO(content)) for content in pictures]
    height = max(picture.height for picture in opened)
    width = sum(picture.width for picture in opened) + GAP * (len(opened) - 1)
    whole = Image.new("RGB", (width, height), "white")
    left = 0
    for picture in opened:
        whole.paste(picture, (left, 0))
        left += picture.width + GAP
    info = PngInfo()
    info.add_itxt("Description", "\n".join(picture.text["Description"] for picture in opened))
    content = io.BytesIO()
    whole.save(content, "PNG", pnginfo=info)
    return content.getvalue()
