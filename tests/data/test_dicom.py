"""DICOM as a viewer shows it: by hand, and against pydicom's own windowing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_dicom import write
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing
from pydicom.uid import JPEGLSLossless

from tlcore.data import dicom, own
from tlcore.errors import DataError


def gray(path: Path) -> list[list[int]]:
    array = np.asarray(dicom.decode(path))
    assert array.dtype == np.uint8
    assert array.shape[-1] == 3
    return array[..., 0].tolist()


RAMP = np.array([[0, 1000], [2000, 4000]])


def test_without_a_window_the_range_is_stretched(tmp_path: Path) -> None:
    assert gray(write(tmp_path / "a.dcm", RAMP)) == [[0, 64], [128, 255]]  # 63.75, 127.5


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    assert gray(write(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="MONOCHROME1")) == [[255, 191], [127, 0]]


def test_the_window_works_on_rescaled_values(tmp_path: Path) -> None:
    # Rescaled: -1000, 0, 1000, 3000. Window centre 0.5, width 2001: ((x - 0) / 2000 + .5) * 255.
    fields = {"RescaleSlope": 1, "RescaleIntercept": -1000, "WindowCenter": [0.5, 9], "WindowWidth": [2001, 9]}
    assert gray(write(tmp_path / "a.dcm", RAMP, **fields)) == [[0, 128], [255, 255]]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_equal_pydicoms(tmp_path: Path, function: str) -> None:
    values = np.arange(0, 4096, 7).reshape(1, -1)
    dataset = Dataset()
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.PixelRepresentation = "MONOCHROME2", 12, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 1500, 900, function
    theirs = apply_windowing(values.astype(np.uint16), dataset) / 4095
    np.testing.assert_allclose(dicom.window(values, 1500, 900, function), theirs, atol=1e-9)


def test_padding_does_not_count_as_the_darkest_value(tmp_path: Path) -> None:
    values = np.array([[-2000, 0], [500, 1000]])
    assert gray(write(tmp_path / "a.dcm", values, PixelPaddingValue=-2000)) == [[0, 0], [128, 255]]


def test_of_several_frames_the_middle_one(tmp_path: Path) -> None:
    frames = np.stack([RAMP, RAMP[::-1], RAMP])
    path = write(tmp_path / "a.dcm", frames)
    assert gray(path) == [[128, 255], [0, 64]]
    assert dicom.header(path).frames == 3


def test_colour_is_kept(tmp_path: Path) -> None:
    colours = np.array([[[255, 0, 0], [0, 128, 255]]], np.uint8)
    path = write(tmp_path / "a.dcm", RAMP[:1], SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
                 BitsAllocated=8, BitsStored=8, HighBit=7, PixelData=colours.tobytes())  # fmt: skip
    assert np.asarray(dicom.decode(path)).tolist() == colours.tolist()


def test_a_patient_is_known_by_a_pseudonym_alone(tmp_path: Path) -> None:
    known = dicom.header(write(tmp_path / "a.dcm", RAMP)).patient
    assert known == dicom.header(write(tmp_path / "b.dcm", RAMP)).patient
    assert known is not None
    assert "Erika" not in known
    assert dicom.header(write(tmp_path / "c.dcm", RAMP, PatientID="")).patient is None


def _without_pixels(path: Path) -> None:
    import pydicom

    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)


def _compressed(path: Path) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    dataset = dcmread(path)
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xf7" + bytes(20)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.save_as(path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_without_pixels, "holds no picture"),
        (_compressed, "compressed as 'JPEG-LS Lossless"),
        (lambda path: path.write_bytes(b"no dicom"), "not a DICOM file"),
        (lambda path: path.write_bytes(b""), "not a DICOM file|damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-4]), "cannot be decoded"),
        (lambda path: path.unlink(), "cannot be opened"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(tmp_path: Path, damage: object, words: str) -> None:
    path = write(tmp_path / "a.dcm", RAMP)
    damage(path)  # type: ignore[operator]
    with pytest.raises(DataError, match=words):
        dicom.decode(path)


def test_a_folder_of_dicom_with_a_table(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for i in range(6):
        write(tmp_path / "set" / f"{i}.dcm", RAMP + i, PatientID=f"p{i // 2}")
    write(tmp_path / "set" / "5.dcm", np.stack([RAMP] * 3), PatientID="p2")
    (tmp_path / "labels.csv").write_text(
        "file,label,patient\n" + "\n".join(f"{i},{'ab'[i % 2]},{'x' * (i == 0)}" for i in range(6))
    )
    found = own.listing(tmp_path / "set", labels=tmp_path / "labels.csv")
    patients = [item.patient for item in found.items]
    assert patients[0] == "x"
    assert patients[2] == patients[3] != patients[4] == patients[5]
    assert found.items[0].read().size == (2, 2)
    assert any("several frames" in notice and "'5.dcm'" in notice for notice in found.notices)
    with pytest.raises(DataError, match="holds DICOM files, and no CSV"):
        own.listing(tmp_path / "set")


def test_what_the_header_tells_of_a_patient_can_split_a_run(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for i in range(6):
        write(tmp_path / "set" / f"{i}.dcm", RAMP + i, PatientSex="FM"[i % 2], PatientAge=["045Y", "008M", ""][i % 3])
    lines = ["file,label,sex,site", *(f"{i}.dcm,{'ab'[i % 2]},{'unsure' if i == 0 else ''},north" for i in range(6))]
    (tmp_path / "set" / "labels.csv").write_text("\n".join(lines))
    columns = own.listing(tmp_path / "set").columns
    assert columns["sex"] == {"0.dcm": "unsure"} | {f"{i}.dcm": "FM"[i % 2] for i in range(1, 6)}  # the table has the last word
    assert columns["age"] == {"0.dcm": "45", "3.dcm": "45"}
    assert columns["site"] == dict.fromkeys((f"{i}.dcm" for i in range(6)), "north")
    assert columns.keys() == {"sex", "age", "site"}


def test_a_damaged_file_among_many_is_left_to_the_decoder(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for i in range(6):
        write(tmp_path / "set" / f"{i}.dcm", RAMP + i)
    (tmp_path / "set" / "3.dcm").write_bytes(b"broken")
    (tmp_path / "set" / "labels.csv").write_text("file,label\n" + "\n".join(f"{i}.dcm,{'ab'[i % 2]}" for i in range(6)))
    found = own.listing(tmp_path / "set")
    assert len(found.items) == 6
    with pytest.raises(DataError, match="not a DICOM file"):
        found.items[3].read()
