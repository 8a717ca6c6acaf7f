"""Hostile and unusual pictures: pixel values worked out by hand, or one sentence."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import hostile
import numpy as np
import pytest
from PIL import Image

from tlcore.data.pictures import MAX_PIXELS, decode, stretch
from tlcore.errors import DataError


def gray(picture: Image.Image) -> list[list[int]]:
    array = np.asarray(picture)
    assert array.dtype == np.uint8
    assert (array == array[..., :1]).all()
    return array[..., 0].tolist()


def test_every_hostile_picture_is_refused_in_words_and_every_unusual_one_is_read(made: dict[str, Path]) -> None:
    pictures = {name: path for name, path in made.items() if "picture_" in name}
    assert len(pictures) > 20
    for name, path in pictures.items():
        for given in (path, path.read_bytes()):
            if name.startswith("ok_"):
                assert decode(given).mode == "RGB"
            else:
                with pytest.raises(DataError) as caught:
                    decode(given)
                assert caught.value.message.endswith(".")
                assert "Traceback" not in caught.value.message
                if isinstance(given, Path):
                    assert path.name in caught.value.message


def test_16_bit_gray_is_scaled_by_the_depth_its_values_use() -> None:
    # 32768 / 65535 * 255 = 127.50 and 13107 / 65535 * 255 = 51; PIL's own conversion would give 255 for all but 0.
    assert gray(decode(hostile.deep_gray_png([[0, 65535], [32768, 13107]]))) == [[0, 255], [128, 51]]
    # 12 bits: 2048 / 4095 * 255 = 127.53, 819 / 4095 * 255 = 51
    assert gray(decode(hostile.deep_gray_png([[0, 4095], [2048, 819]]))) == [[0, 255], [128, 51]]
    assert gray(decode(hostile.deep_gray_png([[0, 255], [128, 51]]))) == [[0, 255], [128, 51]]
    assert gray(decode(hostile.deep_gray_png([[0, 4096]]))) == [[0, 64]]  # 14 bits: 4096 / 16383 * 255 = 63.75
    assert gray(decode(hostile.deep_gray_png([[0, 0]]))) == [[0, 0]]


def test_a_pgm_is_believed_about_its_range() -> None:
    assert gray(decode(b"P5\n2 1\n65535\n" + bytes([0, 0, 0x33, 0x33]))) == [[0, 51]]  # 0x3333 = 13107
    assert gray(decode(b"P5\n2 1\n255\n" + bytes([7, 255]))) == [[7, 255]]


def test_floats_and_wide_integers_are_stretched_from_their_smallest_to_their_largest() -> None:
    values = np.array([[-1.0, 0.0], [1.0, np.nan]], np.float32)
    assert gray(decode(hostile.encoded(Image.fromarray(values), "TIFF"))) == [[0, 128], [255, 0]]
    wide = np.array([[-1000, 0], [3000, 1000]], np.int32)  # 1000 / 4000 * 255 = 63.75
    assert gray(decode(hostile.encoded(Image.fromarray(wide), "TIFF"))) == [[0, 64], [255, 128]]
    assert stretch(np.array([np.inf, 0.0, 5.0, -np.inf])).tolist() == [255, 0, 255, 0]
    assert stretch(np.full((2, 2), 3.5)).tolist() == [[0, 0], [0, 0]]


def test_transparent_pixels_show_white_and_half_transparent_ones_half() -> None:
    picture = Image.new("RGBA", (3, 1))
    picture.putdata([(255, 0, 0, 0), (255, 0, 0, 255), (0, 0, 0, 128)])
    array = np.asarray(decode(hostile.encoded(picture, "PNG")))
    assert array[0, :2].tolist() == [[255, 255, 255], [255, 0, 0]]
    assert array[0, 2].tolist() == [127, 127, 127]
    palette = Image.new("P", (1, 1), 3)
    palette.putpalette([9, 9, 9] * 256)
    assert np.asarray(decode(hostile.encoded(palette, "PNG", transparency=3))).tolist() == [[[255] * 3]]
    gray_with_hole = Image.fromarray(np.array([[10, 200]], np.uint8))
    assert gray(decode(hostile.encoded(gray_with_hole, "PNG", transparency=10))) == [[255, 200]]


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [[0, 50], [100, 150], [200, 250]]),
        (2, [[50, 0], [150, 100], [250, 200]]),
        (3, [[250, 200], [150, 100], [50, 0]]),
        (4, [[200, 250], [100, 150], [0, 50]]),
        (5, [[0, 100, 200], [50, 150, 250]]),
        (6, [[200, 100, 0], [250, 150, 50]]),
        (7, [[250, 150, 50], [200, 100, 0]]),
        (8, [[50, 150, 250], [0, 100, 200]]),
    ],
)
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_exif_orientation_is_applied_once(orientation: int, expected: list[list[int]], format: str) -> None:
    stored = Image.fromarray(np.array([[0, 50], [100, 150], [200, 250]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert gray(decode(hostile.encoded(stored, format, exif=exif))) == expected


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_cost_a_sound_picture() -> None:
    sound = hostile.encoded(Image.new("L", (4, 4), 9), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(20))
    assert gray(decode(sound)) == [[9] * 4] * 4


def test_other_modes_and_first_frames(made: dict[str, Path]) -> None:
    assert np.abs(np.asarray(decode(made["ok_picture_cmyk_jpg"])).astype(int) - [255, 0, 0]).max() <= 3
    one_bit = Image.new("1", (2, 1))
    one_bit.putpixel((1, 0), 1)
    assert gray(decode(hostile.encoded(one_bit, "PNG"))) == [[0, 255]]
    frames = [Image.new("L", (2, 2), value) for value in (10, 200)]
    for format in ("GIF", "WEBP", "TIFF"):
        options = {"lossless": True} if format == "WEBP" else {}
        animated = hostile.encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
        assert gray(decode(animated)) == [[10, 10], [10, 10]]


def test_the_size_is_judged_by_the_header_alone() -> None:
    """A body that could not be decoded is never reached: the header alone makes the refusal."""
    for width, height in ((9000, 9000), (14_000, 14_000), (2**31 - 1, 2**31 - 1)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(DataError, match=f"{MAX_PIXELS:,}"):
                decode(hostile.png(width, height, 8, 0, b"no rows"))
    with pytest.raises(DataError, match="20 times"):
        decode(hostile.png(21, 1, 8, 0, bytes(22)))
    assert decode(hostile.png(20, 1, 8, 0, bytes(21))).size == (20, 1)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone.png"):
        with pytest.raises(DataError, match="cannot be opened"):
            decode(path)


def test_random_damage_never_escapes_as_another_error() -> None:
    chance = np.random.default_rng(0)
    photo = hostile.plain(1, 32).convert("RGB")
    for format in ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM"):
        sound = hostile.encoded(photo, format)
        for _ in range(60):
            damaged = bytearray(sound)
            for at in chance.integers(0, min(len(sound), 200), 4):
                damaged[at] = chance.integers(0, 256)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    assert decode(bytes(damaged)).mode == "RGB"
                except DataError:
                    continue


def test_what_is_read_no_longer_holds_the_file() -> None:
    stream = io.BytesIO()
    hostile.plain(3).save(stream, "PNG")
    picture = decode(stream.getvalue())
    assert not hasattr(picture, "fp")
    assert picture.info == {}
