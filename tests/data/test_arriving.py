"""A person's own picture: read by what it holds, kept as pixels alone, refused in one sentence. Nothing that names a patient
stays."""

from __future__ import annotations

import contextlib
import io
import zlib
from pathlib import Path

import hostile
import numpy as np
import pytest
from made_dicom import write
from PIL import Image, PngImagePlugin

from tlcore.data import arriving, dicom
from tlcore.data.arriving import Arrived, arrive, forget, kept
from tlcore.data.pictures import decode
from tlcore.errors import DataError
from tlcore.files import TEMPORARY_SUFFIX

RAMP = np.array([[0, 1000], [2000, 4000]])
NAME, NUMBER, BORN = "Mustermann^Erika", "MRN-4711-0815", "19500317"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(cache: Path) -> list[Path]:
    """The pictures that are kept, and whatever else is there, the locks left out."""
    return [file for file in cache.rglob("*") if file.is_file() and ".locks" not in file.parts]


def gray(picture: Image.Image) -> list[list[int]]:
    array = np.asarray(picture)
    assert array.dtype == np.uint8
    assert (array == array[..., :1]).all()
    return array[..., 0].tolist()


def test_every_hostile_file_ends_in_one_sentence_and_nothing_is_kept(made: dict[str, Path], cache: Path):
    refused = [path for name, path in made.items() if not name.startswith("ok_") and path.is_file()]
    assert len(refused) > 20
    for path in refused:
        if path.name == made["ok_picture_one_pixel_png"].name:  # a picture, and no dataset
            continue
        with pytest.raises(DataError) as caught:
            arrive(path.read_bytes(), path.name)
        assert caught.value.message.endswith(".")
        assert "\n" not in caught.value.message
        assert path.name not in str(caught.value)
    assert files(cache) == []


def test_every_unusual_picture_is_kept_as_it_is_decoded(made: dict[str, Path]):
    for name, path in made.items():
        if name.startswith("ok_picture_"):
            found = arrive(path.read_bytes(), "anything.xyz")
            assert found.picture.tobytes() == decode(path).tobytes()
            with Image.open(kept(found.sha256)) as again:
                assert again.convert("RGB").tobytes() == found.picture.tobytes()
                assert again.info == {}


def test_the_digest_is_of_the_pixels_whatever_the_format_and_the_name(tmp_path: Path, cache: Path):
    picture = Image.fromarray(np.array([[0, 64], [128, 255]], np.uint8))
    noted = PngImagePlugin.PngInfo()
    noted.add_text("Comment", NAME)
    given = [
        arrive(hostile.encoded(picture, "PNG"), "a.png"),
        arrive(hostile.encoded(picture, "BMP"), "b.dcm"),  # by content, not by name
        arrive(hostile.encoded(picture, "TIFF"), ""),
        arrive(hostile.encoded(picture, "PNG", pnginfo=noted), f"{NAME}.png"),
        arrive(write(tmp_path / "a.dcm", RAMP).read_bytes(), "c.png"),  # 1000 / 4000 of 255 is 64, 2000 is 128
    ]
    assert len({each.sha256 for each in given}) == 1
    assert [file.relative_to(cache).as_posix() for file in files(cache)] == [f"own-pictures/{given[0].sha256}/picture.png"]
    other = arrive(hostile.encoded(picture.resize((4, 1)), "PNG"))
    assert other.sha256 != given[0].sha256
    with Image.open(kept(given[0].sha256)) as again:
        assert again.mode == "L"  # gray is kept as gray


def test_deep_gray_and_the_ways_of_dicom_are_shown_right(tmp_path: Path):
    assert gray(arrive(hostile.deep_gray_png([[0, 4095], [2048, 819]])).picture) == [[0, 255], [128, 51]]
    plain = arrive(write(tmp_path / "a.dcm", RAMP).read_bytes())
    assert gray(plain.picture) == [[0, 64], [128, 255]]
    assert "names no window" in plain.notices[0]
    turned = arrive(write(tmp_path / "b.dcm", RAMP, PhotometricInterpretation="MONOCHROME1").read_bytes())
    assert gray(turned.picture) == [[255, 191], [127, 0]]
    assert any("MONOCHROME1" in notice for notice in turned.notices)
    # Rescaled: -1000, 0, 1000, 3000; the window goes from -1000 to 1000.
    fields = {"RescaleSlope": 1, "RescaleIntercept": -1000, "WindowCenter": [0.5, 9], "WindowWidth": [2001, 9]}
    windowed = arrive(write(tmp_path / "c.dcm", RAMP, **fields).read_bytes())
    assert gray(windowed.picture) == [[0, 128], [255, 255]]
    assert "as the window" in windowed.notices[0]


def test_what_is_read_of_a_dicom_file_is_what_a_folder_of_them_gives(tmp_path: Path):
    colours = np.array([[[255, 0, 0], [0, 128, 255]]], np.uint8)
    path = write(tmp_path / "a.dcm", RAMP[:1], SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
                 BitsAllocated=8, BitsStored=8, HighBit=7, PixelData=colours.tobytes())  # fmt: skip
    assert np.asarray(arrive(path.read_bytes()).picture).tolist() == colours.tolist() == np.asarray(dicom.decode(path)).tolist()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"NumberOfFrames": 24}, r"several frames \(24\)"),
        ({"BurnedInAnnotation": "YES"}, "tell who the patient is"),
        ({"Rows": 60_000, "Columns": 60_000}, "3,600,000,000 pixels"),
        ({"Rows": 5000, "Columns": 8000}, "40,000,000 pixels"),
        ({"Rows": 3}, "cannot be decoded"),
        ({"Rows": 0}, "0 pixels|0 x|x 0"),
    ],
)
def test_dicom_that_is_refused_is_refused_by_name(tmp_path: Path, cache: Path, fields: dict[str, object], words: str):
    content = write(tmp_path / "a.dcm", RAMP, **fields).read_bytes()
    with pytest.raises(DataError, match=words) as caught:
        arrive(content, f"{NAME}.dcm")
    assert NAME not in str(caught.value)
    assert files(cache) == []


def test_a_deflated_dicom_is_never_inflated(tmp_path: Path):
    content = write(tmp_path / "a.dcm", RAMP).read_bytes()
    plain, deflated = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    at = content.index(b"\x02\x00\x10\x00UI")  # the transfer syntax, followed by the length of its value
    assert content[at + 8 : at + 28] == plain
    start = content[:at] + b"\x02\x00\x10\x00UI" + len(deflated).to_bytes(2, "little") + deflated + content[at + 28 :]
    bomb = zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(DataError, match="deflated as a whole"):
        arrive(start + bomb)


def _refusal(content: bytes) -> str | None:
    """What is said to it; None where it is read."""
    try:
        arrive(content)
    except DataError as error:
        return error.message
    return None


def test_damaged_dicom_ends_in_words_wherever_it_breaks(tmp_path: Path, cache: Path):
    whole = write(tmp_path / "a.dcm", RAMP, WindowCenter=5, WindowWidth=3).read_bytes()
    rng = np.random.default_rng(0)
    read = refused = 0
    for trial in range(150):
        damaged = bytearray(whole)
        if trial % 3 == 0:
            del damaged[132 + trial % (len(whole) - 132) :]
        else:
            for place in rng.integers(132, len(whole), 1 + trial % 8):
                damaged[place] = rng.integers(256)
        # pydicom's warnings, and no other error, may pass: only a test makes errors of them
        with contextlib.suppress(UserWarning):
            message = _refusal(bytes(damaged))
            read += message is None
            refused += message is not None
            assert message is None or message.endswith(".")
    assert read > 5
    assert refused > 20


def test_nothing_that_names_the_patient_is_written(tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]):
    tags = {
        "PatientName": NAME, "PatientID": NUMBER, "PatientBirthDate": BORN, "ReferringPhysicianName": "Weiss^Doktor",
        "InstitutionName": "Klinikum am See", "StudyDescription": f"Thorax of {NAME}", "AccessionNumber": NUMBER,
    }  # fmt: skip
    content = write(tmp_path / "a.dcm", RAMP, **tags).read_bytes()
    assert NAME.encode() in content
    found = arrive(content, f"{NAME} {BORN}.dcm")
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = NAME, NUMBER
    arrive(hostile.encoded(hostile.plain(5), "JPEG", exif=exif), f"{NAME}.jpg")
    told = [*map(str, files(cache)), *(notice for notice in found.notices), *capfd.readouterr()]
    written = b"".join(file.read_bytes() for file in cache.rglob("*") if file.is_file()) + "\n".join(told).encode()
    for secret in ("Mustermann", "Erika", NUMBER, BORN, "Weiss", "Klinikum", "Thorax"):
        assert secret.encode() not in written
        assert secret.encode("utf-16-le") not in written
    assert len(files(cache)) == 2


def test_large_pictures_are_reduced_and_large_files_refused(monkeypatch: pytest.MonkeyPatch):
    found = arrive(hostile.encoded(Image.new("L", (4096, 1024), 7), "PNG"))
    assert found.picture.size == (2048, 512)
    assert found.notices == ("Reduced from 4,096 x 1,024 to 2,048 x 512 pixels.",)
    monkeypatch.setattr(arriving, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="at most 0 MB"):
        arrive(bytes(11))


@pytest.mark.parametrize("format", ["GIF", "TIFF"])
def test_of_several_pages_the_first_is_shown_and_that_is_told(format: str):
    content = hostile.encoded(hostile.plain(1), format, save_all=True, append_images=[hostile.plain(2)])
    found = arrive(content)
    assert found.notices == ("It has several frames or pages: the first one is shown.",)
    assert found.picture.tobytes() == decode(content).tobytes()


def test_a_picture_is_found_again_by_its_digest_alone_and_can_be_forgotten(cache: Path):
    found: Arrived = arrive(hostile.encoded(hostile.plain(1), "PNG"))
    assert kept(found.sha256).is_file()
    assert forget(found.sha256)
    assert not forget(found.sha256)
    for asked in (found.sha256, "", "..", "../" * 8 + "etc", "a" * 63, "A" * 64, found.sha256 + "\n", "x\0y"):
        with pytest.raises(DataError, match="not here any more"):
            kept(asked)
        assert not forget(asked)
    assert files(cache) == []


def test_the_least_recently_used_pictures_make_room(monkeypatch: pytest.MonkeyPatch, cache: Path):
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(4)]
    monkeypatch.setattr(arriving, "KEPT_BYTES", 40_000)  # three of 12.3 kB
    digests = [arrive(hostile.encoded(picture, "PNG")).sha256 for picture in noise]
    assert len(files(cache)) == 3
    assert kept(digests[-1]).is_file()
    assert not [file for file in cache.rglob("*") if file.name.endswith(TEMPORARY_SUFFIX)]


def test_what_is_kept_is_read_by_any_viewer():
    found = arrive(hostile.encoded(hostile.plain(3).convert("RGB"), "JPEG"))
    content = kept(found.sha256).read_bytes()
    assert content.startswith(b"\x89PNG")
    assert Image.open(io.BytesIO(content)).size == found.picture.size
