"""One picture, as anybody may send it, into what a network can read: RGB, 8 bits, upright. Or one sentence that says why not.

What is done where formats leave a choice:

- 16-bit gray is scaled by the depth its values use: the smallest of 8, 10, 12, 14 and 16 bits that holds the brightest
  pixel, so a 12-bit X-ray in a 16-bit file is not nearly black. A PGM names its range itself, and is believed.
- 32-bit integers that fit 16 bits follow the same rule. Others, and all floats, are scaled from their smallest to their
  largest finite value; a missing value (NaN) becomes black.
- Transparent pixels show white, not the colour hidden under them.
- The first frame of an animation, the first page of a TIFF. EXIF orientation is applied, colour profiles are not.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Final

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from tlcore.errors import DataError

FORMATS: Final = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")  # as PIL names them; PPM includes PGM and PBM
SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm", ".pbm")
MAX_PIXELS: Final = 64_000_000
MAX_ASPECT: Final = 20  # longer side to shorter side
MAX_BYTES: Final = 512_000_000

_DEPTHS = (8, 10, 12, 14, 16)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_OTHERS = (  # formats that people have and that are not read: how they begin, and what to say
    (b"%PDF", 0, "It is a PDF document."),
    (b"DICM", 128, "It is a DICOM file: give a folder of them with a CSV of labels, or export it as PNG."),
    (b"ftyp", 4, "It is a HEIC, AVIF or video file."),
    (b"<svg", 0, "It is an SVG drawing."),
    (b"PK\x03\x04", 0, "It is a ZIP archive."),
)
_NEXT_STEP = "Use a PNG, JPEG, TIFF, BMP, WebP, GIF or PNM picture."


def decode(file: bytes | Path) -> Image.Image:
    """Read one picture as RGB, 8 bits per channel, upright, first frame.

    The size is read from the header and checked before a pixel is decoded. Raises `DataError` where the file is empty,
    cut off, of another format, above `MAX_PIXELS`, more than `MAX_ASPECT` times as long as wide, or cannot be opened.
    """
    name = f"The picture {file.name!r}" if isinstance(file, Path) else "The picture"
    try:
        size = file.stat().st_size if isinstance(file, Path) else len(file)
        if size == 0:
            raise DataError(f"{name} is empty: 0 bytes.", next_step="Copy or export it again.")
        if size > MAX_BYTES:
            raise DataError(f"{name} is a file of {size / 1e6:,.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
        with open(file, "rb") if isinstance(file, Path) else io.BytesIO(file) as stream:
            return _read(stream, name)
    except OSError as error:
        raise DataError(f"{name} cannot be opened: {error.strerror or error}.", next_step="Check its path.") from error


def _read(stream: io.BufferedIOBase, name: str) -> Image.Image:
    try:
        with Image.open(stream, formats=FORMATS) as picture:
            _check_size(*picture.size, name)
            picture.load()
            return _upright(_rgb(picture), picture)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{name} declares more than {MAX_PIXELS:,} pixels.", next_step="Make it smaller.") from error
    except UnidentifiedImageError as error:
        stream.seek(0)
        start = stream.read(132)
        what = next((words for magic, at, words in _OTHERS if start[at:].startswith(magic)), "")
        raise DataError(
            f"{name} is not a picture in a format that is read here. {what}".strip(), next_step=_NEXT_STEP
        ) from error
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        reason = str(error).rstrip(".") or type(error).__name__
        raise DataError(f"{name} cannot be decoded: {reason}.", next_step="Copy or export it again.") from error


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{name} declares {width:,} x {height:,} pixels; at most {MAX_PIXELS:,} in all are read.",
            next_step="Make it smaller.",
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise DataError(
            f"{name} is {width:,} x {height:,} pixels; no side may be more than {MAX_ASPECT} times the other.",
            next_step="Crop it to what it shows.",
        )


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "F" or picture.mode.startswith("I"):
        return _deep_gray(picture).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    colours = picture.convert("RGBA")
    paper = Image.new("RGB", colours.size, "white")
    paper.paste(colours, mask=colours.getchannel("A"))
    return paper


def _deep_gray(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture)
    if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
        gray = stretch(values)
    else:
        depth = 16 if picture.format == "PPM" else next(bits for bits in _DEPTHS if values.max() < 2**bits)
        gray = np.rint(values * (255 / (2**depth - 1))).astype(np.uint8)
    hidden = picture.info.get("transparency")  # of a 16-bit PNG: the one gray value that is transparent
    if isinstance(hidden, int):
        gray[values == hidden] = 255
    return Image.fromarray(gray)


def stretch(values: np.ndarray) -> np.ndarray:
    """Scale numbers of any range to uint8: the smallest finite value to 0, the largest to 255, NaN to 0; constant to 0.

    Raises `ValueError` where no value is finite.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise ValueError("it holds no finite value")
    low, high = float(finite.min()), float(finite.max())
    span = (high - low) or 1.0
    shares = (np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / span
    return np.rint(shares * 255).astype(np.uint8)


def _upright(rgb: Image.Image, original: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(original.getexif().get(ExifTags.Base.Orientation, 1))
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error, UserWarning):
        # damaged EXIF says nothing about the pixels, which are sound
        turn = None
    return rgb if turn is None else rgb.transpose(turn)
