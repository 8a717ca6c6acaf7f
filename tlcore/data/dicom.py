"""One DICOM file into a picture, as a viewer would show it: RGB, 8 bits.

Order (PS3.3 C.11): stored values, rescale slope and intercept, the first window or VOI table that the file names,
MONOCHROME1 inverted. Without a window, the smallest to the largest value that is not padding. Of several frames, the
middle one.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, pixel_array

from tlcore.data.pictures import MAX_PIXELS, stretch
from tlcore.errors import DataError

_COLUMNS = {"PatientSex": "sex", "PatientAge": "age", "ViewPosition": "view", "Manufacturer": "manufacturer"}
_EXPORT = "Export it again as an uncompressed DICOM, or as PNG."
# What the pixels need, and how they are shown. Nothing else is read when a picture is decoded: no name, no date, no number.
_SHOWN = (
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "BurnedInAnnotation"),
    *("RescaleIntercept", "RescaleSlope", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    *(f"{colour}PaletteColorLookupTable{part}" for colour in ("Red", "Green", "Blue") for part in ("Descriptor", "Data")),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
)


@dataclass(frozen=True)
class Header:
    """What a listing needs of a file without decoding it."""

    patient: str | None  # a pseudonym made from PatientID, so that no result ever holds the identity
    frames: int
    columns: dict[str, str] = field(
        default_factory=dict
    )  # what a finished run can be split by: sex, age in years, view, manufacturer


@dataclass(frozen=True)
class Look:
    """What is to be known of a picture before it is decoded; nothing of it tells whose it is."""

    frames: int
    pixels: int  # of a frame, as the header says
    names_burnt_in: bool  # the file says that its pixels tell who the patient is (BurnedInAnnotation)
    turned: bool  # MONOCHROME1: stored with the largest value black
    windowed: bool  # it says itself which values are to be shown, by a window or a table


def header(file: Path) -> Header:
    """Read the patient, the number of frames and the columns. Raises `DataError` where the file is not DICOM."""
    dataset = _open(file, ("PatientID", "NumberOfFrames", *_COLUMNS), pixels=False)
    patient = str(dataset.get("PatientID") or "").strip()
    columns = {name: value for tag, name in _COLUMNS.items() if (value := _column(dataset, tag))}
    return Header(hashlib.sha256(patient.encode()).hexdigest()[:12] if patient else None, _frames(dataset), columns)


def _column(dataset: Dataset, tag: str) -> str:
    """What a tag says, in one line; of an age its years ('045Y' is 45), and nothing where it is told in other units."""
    value = " ".join(str(dataset.get(tag) or "").split())
    if tag != "PatientAge":
        return value
    return str(int(value[:-1])) if value.endswith("Y") and value[:-1].isdecimal() else ""


def look(file: Path | bytes) -> Look:
    """Read what is to be known of a picture before it is decoded. Raises `DataError` where it is not DICOM."""
    dataset = _open(file, _SHOWN, pixels=False)
    try:
        rows, columns = _size(dataset)
        window = (_first(dataset.get(tag)) for tag in ("WindowCenter", "WindowWidth"))
        return Look(
            frames=_frames(dataset),
            pixels=rows * columns,
            names_burnt_in=str(dataset.get("BurnedInAnnotation") or "").strip().upper() == "YES",
            turned=str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1",
            windowed="VOILUTSequence" in dataset or all(number is not None for number in window),
        )
    except Exception as error:  # a value is made of its bytes here, which may be any
        raise _damaged(file, error) from error


def decode(file: Path | bytes) -> Image.Image:
    """Read a DICOM file as an RGB picture of 8 bits per channel. Of its tags only those that the pixels need are read.

    Raises `DataError` where it is not DICOM, holds no pixels, is compressed in a way that cannot be read here, is
    above the size cap of pictures, or is damaged.
    """
    dataset = _open(file, _SHOWN, pixels=True)
    name = f"The DICOM file{_named(file)}"
    if "PixelData" not in dataset:
        raise DataError(f"{name} holds no picture (no pixel data).", next_step="Leave it out of the labels.")
    rows, columns = _size(dataset)
    if not 0 < rows * columns <= MAX_PIXELS:
        raise DataError(f"{name} declares {columns:,} x {rows:,} pixels; 1 to {MAX_PIXELS:,} are read.", next_step=_EXPORT)
    try:
        values = pixel_array(dataset, index=_frames(dataset) // 2)
    except (NotImplementedError, RuntimeError) as error:
        raise DataError(f"{name} is compressed as {_syntax(dataset)}, which cannot be read here.", next_step=_EXPORT) from error
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        raise DataError(f"{name} cannot be decoded: {str(error).rstrip('.')}.", next_step=_EXPORT) from error
    try:
        return Image.fromarray(_shown(values, dataset)).convert("RGB")
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise DataError(f"{name} cannot be shown: {str(error).rstrip('.')}.", next_step=_EXPORT) from error


def _open(file: Path | bytes, tags: Sequence[str], *, pixels: bool) -> Dataset:
    what = repr(file.name) if isinstance(file, Path) else "The file"
    try:
        source = file if isinstance(file, Path) else io.BytesIO(file)
        return pydicom.dcmread(source, stop_before_pixels=not pixels, specific_tags=list(tags))
    except InvalidDicomError as error:
        raise DataError(f"{what} is not a DICOM file.", next_step="Leave it out of the labels.") from error
    except OSError as error:
        raise DataError(f"{what} cannot be opened: {error.strerror or error}.", next_step="Check its path.") from error
    except Exception as error:  # a parser fed with damaged bytes may raise anything
        raise _damaged(file, error) from error


def _damaged(file: Path | bytes, error: Exception) -> DataError:
    reason = str(error).rstrip(".") or type(error).__name__
    return DataError(f"The DICOM file{_named(file)} is damaged: {reason}.", next_step="Copy or export it again.")


def _named(file: Path | bytes) -> str:
    return f" {file.name!r}" if isinstance(file, Path) else ""


def _size(dataset: Dataset) -> tuple[int, int]:
    """Rows and columns; 0 where the header does not say."""
    try:
        return int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    except (TypeError, ValueError):  # several numbers, or none
        return 0, 0


def _frames(dataset: Dataset) -> int:
    try:
        return max(1, int(dataset.get("NumberOfFrames") or 1))
    except (TypeError, ValueError):
        return 1


def _syntax(dataset: Dataset) -> str:
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    return repr(syntax.name) if syntax else "an unnamed format"


def _shown(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Decoded values (H, W) or (H, W, 3) as uint8 of the same shape, or of a coloured one for a palette."""
    kind = str(dataset.get("PhotometricInterpretation", ""))
    if kind == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
    if values.ndim == 3:
        depth = 8 * values.dtype.itemsize if kind == "PALETTE COLOR" else int(dataset.BitsStored)
        return np.rint(values * (255 / (2**depth - 1))).astype(np.uint8)
    gray = _windowed(values, dataset)
    return 255 - gray if kind == "MONOCHROME1" else gray


def _windowed(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    values = np.asarray(apply_modality_lut(stored, dataset), np.float64)
    if "VOILUTSequence" in dataset:
        table = apply_voi(values.astype(np.int64), dataset, index=0)
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        return np.rint(table * (255 / (2**bits - 1))).clip(0, 255).astype(np.uint8)
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if centre is not None and width is not None and width >= 1:
        function = str(dataset.get("VOILUTFunction") or "LINEAR")
        return np.rint(255 * window(values, centre, width, function)).astype(np.uint8)
    padding = dataset.get("PixelPaddingValue")
    if padding is not None:
        values[stored == padding] = np.nan
    return stretch(values)


def window(values: np.ndarray, centre: float, width: float, function: str = "LINEAR") -> np.ndarray:
    """Window values to 0..1 as PS3.3 C.11.2.1.2 says, for LINEAR (width at least 1), LINEAR_EXACT and SIGMOID."""
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if width == 1:
        return (values > centre - 0.5).astype(np.float64)
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def _first(value: object) -> float | None:
    """The first of one or several numbers, or None where there is none that is finite."""
    try:
        number = float(value[0] if isinstance(value, list | tuple | pydicom.multival.MultiValue) else value)  # type: ignore[arg-type]
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) else None
