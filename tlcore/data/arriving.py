"""A person's own picture to be explained: read by what it holds and not by its name, and kept as its pixels alone.

PNG, JPEG, TIFF, BMP, WebP, GIF, PNM and DICOM, of 8 or 16 bits, as `pictures.py` and `dicom.py` read them. What is kept is a
PNG of the pixels, named by their digest, on a shelf of its own in the cache: no file name, no EXIF, no text chunk, and no tag
of DICOM's, of which only those that the pixels need are read at all. No message holds the file's name: messages may be kept.
What is written into the pixels themselves stays, so a DICOM file that says that its pixels name the patient is refused. No
torch.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from PIL import Image

from tlcore.data import dicom
from tlcore.data.pictures import FORMATS, decode
from tlcore.errors import DataError
from tlcore.progress import silent
from tlcore.settings import cache_dir
from tlcore.shelf import Shelf, used_now

MAX_BYTES: Final = 100_000_000
MAX_DICOM_PIXELS: Final = 32_000_000  # whose values pass through 64-bit floats, in the server's own memory
MAX_SIDE: Final = 2048  # of what is kept: no network here looks at more
KEPT_BYTES: Final = 1_000_000_000
FILE: Final = "picture.png"
DIGEST: Final = re.compile(r"[0-9a-f]{64}")

_WINDOW = "Shown as the window or the table in the file says."
_NO_WINDOW = "Shown from its darkest to its brightest value, for the file names no window."
_TURNED = "It is stored with white as the lowest value (MONOCHROME1), and was turned round."
_TEXT = "None of the file's tags was kept. Text in the picture itself stays: see that it names nobody."
_AS_PNG = "Export the picture that you mean as PNG, and bring that."
_DEFLATED = b"1.2.840.10008.1.2.1.99"  # a transfer syntax that is inflated whole, to any size, before anything can be checked


@dataclass(frozen=True)
class Arrived:
    """A picture that has been read and kept."""

    picture: Image.Image  # RGB, 8 bits per channel, upright, no side above 2,048 pixels
    sha256: str  # of its size and its pixels: the same picture in another format, or under another name, has the same
    notices: tuple[str, ...]  # what was done to it, in sentences


def arrive(content: bytes, name: str = "") -> Arrived:
    """Read a picture that a person brings and keep its pixels. Of `name` the ending alone is looked at, for a better message.

    Raises `DataError`, and keeps nothing, where it cannot be read, is too large, has several DICOM frames, or says that its
    pixels name the patient; `AssetError` where the disk is full.
    """
    if len(content) > MAX_BYTES:
        raise DataError(
            f"The picture is a file of {len(content) / 1e6:,.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.",
            next_step="Make it smaller.",
        )
    picture, notices = _dicom(content) if content[128:132] == b"DICM" else _picture(content, name)
    if max(picture.size) > MAX_SIDE:
        before = picture.size
        picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
        notices.append(f"Reduced from {before[0]:,} x {before[1]:,} to {picture.width:,} x {picture.height:,} pixels.")
    pixels = picture.tobytes()
    digest = hashlib.sha256(b"%d %d " % picture.size + pixels).hexdigest()
    bare = Image.frombytes("RGB", picture.size, pixels)  # nothing but pixels: no EXIF, profile, comment
    _keep(bare, digest)
    return Arrived(bare, digest, tuple(notices))


def kept(digest: str) -> Path:
    """The PNG of a picture that arrived. Raises `DataError` where the digest is none, or the picture is here no more."""
    file = _shelf().entry(digest) / FILE if DIGEST.fullmatch(digest) else None
    if file is None or not file.is_file():
        raise DataError("That picture is not here any more.", next_step="Upload it again.")
    used_now(file.parent)
    return file


def forget(digest: str) -> bool:
    """Remove a picture that arrived; whether there was one."""
    if not DIGEST.fullmatch(digest) or not _shelf().entry(digest).is_dir():
        return False
    shutil.rmtree(_shelf().entry(digest), ignore_errors=True)
    return True


def _shelf() -> Shelf:
    return Shelf(
        cache_dir() / "own-pictures",
        KEPT_BYTES,
        "The pictures that were brought",
        "Free some space, or set THAW_CACHE_DIR to another disk.",
    )


def _keep(picture: Image.Image, digest: str) -> None:
    shelf = _shelf()
    with shelf.alone(digest, silent, ""):
        if (shelf.entry(digest) / FILE).is_file():
            used_now(shelf.entry(digest))
            return
        red, green, blue = picture.split()
        gray = red.tobytes() == green.tobytes() == blue.tobytes()
        buffer = io.BytesIO()
        (red if gray else picture).save(buffer, "PNG", compress_level=1)
        content = buffer.getvalue()
        shelf.make_room(len(content))
        with shelf.filling(shelf.entry(digest), len(content)) as aside:
            (aside / FILE).write_bytes(content)


def _dicom(content: bytes) -> tuple[Image.Image, list[str]]:
    if _DEFLATED in content:
        raise DataError("The DICOM file is deflated as a whole, which is not read here.", next_step=_AS_PNG)
    look = dicom.look(content)
    if look.frames > 1:
        raise DataError(
            f"The DICOM file has several frames ({look.frames:,}), and one picture at a time is explained.", next_step=_AS_PNG
        )
    if look.names_burnt_in:
        raise DataError(
            "The DICOM file says that its pixels tell who the patient is (BurnedInAnnotation: YES), and such a picture is not "
            "kept here.",
            next_step="Cover the text, and export it as PNG.",
        )
    if look.pixels > MAX_DICOM_PIXELS:
        raise DataError(
            f"The DICOM file declares {look.pixels:,} pixels; at most {MAX_DICOM_PIXELS:,} are read.", next_step=_AS_PNG
        )
    picture = dicom.decode(content)
    return picture, [_WINDOW if look.windowed else _NO_WINDOW, *([_TURNED] if look.turned else []), _TEXT]


def _picture(content: bytes, name: str) -> tuple[Image.Image, list[str]]:
    try:
        return decode(content), _frames_left(content)
    except DataError as error:
        if content and PurePath(name).suffix.lower() in (".dcm", ".dicom"):
            raise DataError("The file is named like DICOM, and begins like none.", next_step=_AS_PNG) from error
        raise


def _frames_left(content: bytes) -> list[str]:
    """A notice where a picture that could be read has further frames or pages."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            several = bool(getattr(picture, "is_animated", False))
    except Exception:  # what follows a sound first frame may be damaged in any way, and is not shown
        several = False
    return ["It has several frames or pages: the first one is shown."] if several else []
