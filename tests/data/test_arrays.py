"""Datasets that come as arrays: kept once made, with their digests, and the same items either way."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tlcore.data.arrays import Arrays, array_items, kept_items

IMAGES = np.arange(4 * 6 * 6, dtype=np.uint8).reshape(4, 6, 6)
LABELS = np.array([1, 0, 1, 1])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    return tmp_path


def build() -> Arrays:
    return IMAGES, LABELS


def never() -> Arrays:
    raise AssertionError("built again")


def test_arrays_are_built_once_and_read_back_the_same() -> None:
    fresh = array_items(IMAGES, LABELS, prefix="toy", split="train")
    first = kept_items("toy", build, prefix="toy", split="train")
    again = kept_items("toy", never, prefix="toy", split="train")
    assert fresh == first == again  # all but the readers, which are not compared
    assert [item.id for item in again] == ["toy/000000", "toy/000001", "toy/000002", "toy/000003"]
    assert [item.label for item in again] == [1, 0, 1, 1]
    assert again[2].digest == hashlib.sha256(IMAGES[2].tobytes()).hexdigest()
    for i, item in enumerate(again):
        assert np.array_equal(np.asarray(item.read().convert("L")), IMAGES[i])


def test_what_a_killed_process_left_half_made_is_made_again(cache: Path) -> None:
    expected = kept_items("toy", build, prefix="toy")
    (cache / "arrays" / "toy-digests.npy").unlink()
    with pytest.raises(AssertionError, match="built again"):
        kept_items("toy", never, prefix="toy")
    assert kept_items("toy", build, prefix="toy") == expected


@pytest.mark.parametrize(
    ("images", "labels"),
    [(IMAGES.astype(np.float32), LABELS), (IMAGES[0], LABELS), (IMAGES, LABELS[:3])],
    ids=["floats", "one picture", "a label too few"],
)
def test_arrays_of_another_form_are_refused(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="pictures must be uint8"):
        array_items(images, labels, prefix="toy")


def test_an_item_in_another_split_is_otherwise_the_same() -> None:
    (item, *_) = array_items(IMAGES, LABELS, prefix="toy", split="train")
    moved = item.placed("val")
    assert (moved.id, moved.label, moved.digest, moved.patient, moved.file) == (item.id, item.label, item.digest, None, None)
    assert (moved.split, moved.read) == ("val", item.read)
