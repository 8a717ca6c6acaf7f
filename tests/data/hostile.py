"""Everything that people send and that must never end in a traceback, made by hand: `make(folder)` returns it by name.

Names that begin with `ok_` are unusual and must be read; all others must be refused with one sentence.
`picture_*` are single files, `data_*` are what a person may give as a dataset (a folder or a file).
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

HTML_CLASS = "<img src=x onerror=alert(1)><b>cats</b>".replace("/", "∕")  # a folder's name cannot hold a slash
HARD_CLASSES = (HTML_CLASS, "![x](http:x.test)", "Lungenentzündung 肺炎 🫁")


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """A PNG written chunk by chunk: `rows` holds each row with its filter byte. Colour 0 gray, 2 RGB, 6 RGBA."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    content = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows, 9)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def deep_gray_png(values: list[list[int]]) -> bytes:
    """A 16-bit gray PNG with exactly these values."""
    rows = b"".join(b"\0" + struct.pack(f">{len(row)}H", *row) for row in values)
    return png(len(values[0]), len(values), 16, 0, rows)


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def plain(seed: int, side: int = 24) -> Image.Image:
    """A small gray picture of smooth noise, different for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4), dtype=np.uint8)
    return Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)


def class_folders(folder: Path, classes: dict[str, int], *, side: int = 24, seed: int = 0) -> Path:
    """A folder of class folders with so many pictures each."""
    for position, (name, count) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            plain(seed + 1000 * position + i, side).save(folder / name / f"{i:03d}.png")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def zip_of(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def _pictures(folder: Path) -> dict[str, Path]:
    small = encoded(plain(1), "PNG")
    photo = encoded(plain(2, 64).convert("RGB"), "JPEG", quality=90)
    turned = Image.Exif()
    turned[0x0112] = 6
    hidden = Image.new("RGBA", (16, 16), (255, 0, 0, 0))  # red, and wholly transparent
    float_tiff = Image.fromarray(np.linspace(-3.0, 5.0, 256, dtype=np.float32).reshape(16, 16))
    frames = [Image.new("P", (16, 16), colour) for colour in (10, 200)]
    contents = {
        # unusual, and to be read
        "ok_deep.png": deep_gray_png([[0, 65535], [32768, 13107]]),
        "ok_deep_12_bit.png": deep_gray_png([[0, 4095], [2048, 819]]),
        "ok_float.tif": encoded(float_tiff, "TIFF"),
        "ok_transparent.png": encoded(hidden, "PNG"),
        "ok_turned.jpg": encoded(plain(3, 64).resize((64, 32)), "JPEG", exif=turned),
        "ok_cmyk.jpg": encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"),
        "ok_one_bit.png": encoded(plain(4).convert("1"), "PNG"),
        "ok_palette.png": encoded(plain(5).convert("P"), "PNG"),
        "ok_animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "ok_one_pixel.png": encoded(Image.new("L", (1, 1), 7), "PNG"),
        # to be refused
        "empty.png": b"",
        "text.png": b"This is not a picture.\n",
        "markup.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "truncated.jpg": photo[: len(photo) // 2],
        "truncated.png": small[: len(small) // 2],
        "header_only.png": small[:33],
        "bomb_196_megapixels.png": png(14000, 14000, 1, 0, (b"\0" + bytes(1750)) * 14000),
        "bomb_declared.png": png(2**31 - 1, 2**31 - 1, 8, 0, b"\0"),
        "thread.png": encoded(Image.new("L", (2000, 2)), "PNG"),
        "no_finite.tif": encoded(Image.fromarray(np.full((8, 8), np.nan, np.float32)), "TIFF"),
        "vector.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) run\n",
        "camera.heic": b"\0\0\0\x18ftypheic" + bytes(64),
        "zip_in_disguise.png": b"PK\x03\x04" + bytes(64),
    }
    folder.mkdir(parents=True)
    made = {}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        ok = "ok_" if name.startswith("ok_") else ""
        made[f"{ok}picture_{name.removeprefix(ok).replace('.', '_')}"] = folder / name
    return made


def _folders(folder: Path) -> dict[str, Path]:
    made = {
        "data_missing": folder / "there is nothing here",
        "data_empty": class_folders(folder / "empty", {}),
        "data_empty_classes": class_folders(folder / "empty classes", {"a": 0, "b": 0}),
        "data_one_class": class_folders(folder / "one class", {"only": 12}),
        "data_one_image_per_class": class_folders(folder / "one image per class", {"a": 1, "b": 1}),
        "data_two_images_in_a_class": class_folders(folder / "two images in a class", {"a": 12, "b": 2}),
        "data_no_class_folders": class_folders(folder, {"no class folders": 6}) / "no class folders",
        "data_only_broken": class_folders(folder / "only broken", {"a": 0, "b": 0}),
        "ok_data_plain": class_folders(folder / "plain", {"cats": 12, "dogs": 12}),
        "ok_data_html_class": class_folders(folder / "html class", dict.fromkeys(HARD_CLASSES, 12)),
        "ok_data_splits": folder / "splits",
        "ok_data_messy": class_folders(folder / "messy", {"a": 12, "b": 12}),
        "ok_data_mixed": class_folders(folder / "mixed", {"a": 12, "b": 12}),
    }
    for name in "ab":
        for i in range(6):
            (made["data_only_broken"] / name / f"{i}.png").write_bytes(b"broken")
    for split, count in {"train": 12, "val": 4, "test": 4}.items():
        class_folders(
            made["ok_data_splits"] / split, {"a": count, "b": count}, seed=100_000 * len(split) + 10_000 * ord(split[1])
        )
    _make_messy(made["ok_data_messy"], folder)
    for source in sorted((folder.parent / "pictures").iterdir()):  # some pictures of a class cannot be read
        (made["ok_data_mixed"] / "a" / source.name).write_bytes(source.read_bytes())
    return made


def _make_messy(messy: Path, folder: Path) -> None:
    """Hidden files, a Mac's leftovers, notes, nested folders, and links that lead out of the folder."""
    (messy / ".DS_Store").write_bytes(b"\0" * 10)
    (messy / "__MACOSX" / "a").mkdir(parents=True)
    (messy / "__MACOSX" / "a" / "._000.png").write_bytes(b"\0" * 10)
    (messy / "a" / "._000.png").write_bytes(b"\0" * 10)
    (messy / "a" / "Thumbs.db").write_bytes(b"\0" * 10)
    (messy / "a" / "notes.txt").write_text("not a picture")
    (messy / "a" / "series 2").mkdir()
    plain(77).save(messy / "a" / "series 2" / "deep.png")
    outside = class_folders(folder / "outside", {"secret": 3})
    (messy / "b" / "link.png").symlink_to(outside / "secret" / "000.png")
    (messy / "b" / "linked folder").symlink_to(outside / "secret")
    (messy / "c").symlink_to(outside / "secret")
    (messy / "a" / "circle").symlink_to(messy)
    (messy / "a" / "dangling.png").symlink_to(folder / "gone.png")


def _archives(folder: Path, pictures: dict[str, Path]) -> dict[str, Path]:
    folder.mkdir(parents=True)
    small = [encoded(plain(i), "PNG") for i in range(24)]
    good = {f"set/{'ab'[i % 2]}/{i}.png": content for i, content in enumerate(small)}
    escape = {"../escaped.png": small[0], "../../escaped.png": small[0], "set/a/../../../escaped.png": small[0]}
    made = {
        "ok_data_zip": zip_of(folder / "good.zip", good | {"__MACOSX/set/a/._0.png": b"\0", "set/.DS_Store": b"\0"}),
        "data_zip_dotdot": zip_of(folder / "dotdot.zip", good | escape),
        "data_zip_absolute": zip_of(folder / "absolute.zip", good | {"/tmp/thaw-escaped.png": small[0]}),
        "data_zip_drive": zip_of(folder / "drive.zip", good | {"C:\\escaped.png": small[0]}),
        "data_zip_bomb": zip_of(folder / "bomb.zip", good | {"set/a/bomb.png": bytes(60_000_000)}),
        "data_zip_link": folder / "link.zip",
        "data_zip_truncated": folder / "truncated.zip",
        "data_zip_encrypted": folder / "encrypted.zip",
        "data_zip_not": folder / "not.zip",
        "data_zip_damaged": folder / "damaged.zip",
        "data_tar": folder / "set.tar.gz",
        "data_7z": folder / "set.7z",
        "data_picture": pictures["ok_picture_one_pixel_png"],
    }
    link = zipfile.ZipInfo("set/a/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(zip_of(made["data_zip_link"], good), "a") as archive:
        archive.writestr(link, "/etc/passwd")
    whole = made["ok_data_zip"].read_bytes()
    made["data_zip_truncated"].write_bytes(whole[: len(whole) // 2])
    made["data_zip_not"].write_bytes(b"PK\x03\x04 and no more")
    first = whole.index(b"set/a/0.png") + len("set/a/0.png") + 20
    made["data_zip_damaged"].write_bytes(whole[:first] + bytes(20) + whole[first + 20 :])
    made["data_zip_encrypted"].write_bytes(_marked_encrypted(whole))
    made["data_tar"].write_bytes(b"\x1f\x8b\x08\x00" + bytes(32))
    made["data_7z"].write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(32))
    return made


def _marked_encrypted(archive: bytes) -> bytes:
    """The same archive with the encryption flag set in every header."""
    content = bytearray(archive)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(magic)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(magic, at + 4)
    return bytes(content)


def make(folder: Path) -> dict[str, Path]:
    """Make every hostile and unusual input below `folder`; takes well under a second."""
    pictures = _pictures(folder / "pictures")
    return pictures | _folders(folder / "folders") | _archives(folder / "archives", pictures)
