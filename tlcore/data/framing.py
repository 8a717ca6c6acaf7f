"""A picture of any shape becomes a square of the wanted size, always by the same rule."""

from __future__ import annotations

from typing import Final

from PIL import Image

from tlcore.data.card import Framing
from tlcore.errors import SpecError, UnknownName

INTERPOLATIONS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
CROP: Final = 0.875  # of the shorter side is kept by "crop", as in the usual evaluation on ImageNet


def frame(picture: Image.Image, image_size: int, framing: Framing, interpolation: str = "bicubic") -> Image.Image:
    """The RGB `picture` as a square of `image_size` pixels, resized with antialiasing.

    `whole` loses nothing: the longer side is fitted and the rest padded with black, so that neither the edge of a lung nor
    the lamp of a traffic light is cut off. `crop` takes the central 87.5 % of the shorter side and cuts off the rest.
    """
    if interpolation not in INTERPOLATIONS:
        raise UnknownName("interpolation", interpolation, INTERPOLATIONS)
    if framing not in ("whole", "crop"):
        raise SpecError(f"The framing must be whole or crop, not {framing!r}.")
    resample = INTERPOLATIONS[interpolation]
    width, height = picture.size
    if framing == "crop":
        side = CROP * min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return picture.resize((image_size, image_size), resample, box=(left, top, left + side, top + side))
    scale = image_size / max(width, height)
    fitted = picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), resample)
    if fitted.size == (image_size, image_size):
        return fitted
    square = Image.new("RGB", (image_size, image_size))
    square.paste(fitted, ((image_size - fitted.width) // 2, (image_size - fitted.height) // 2))
    return square
