"""Rows on disk: found by the pixels of their pictures, whatever else was asked for before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tlcore.data.decoded import keys_of
from tlcore.progress import silent
from tlcore.training import activations
from tlcore.training.activations import Entry, kept, shelf

RECIPE = {"backbone": "b", "cut": "head", "view": "as it is", "precision": "float32", "image_size": 4}
PICTURES = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), dtype=np.uint8)
KEYS = keys_of(PICTURES)


@pytest.fixture(autouse=True)
def _own_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_ACTIVATIONS_DIR", str(tmp_path / "activations"))


def _add(entry: Entry, places: list[int], dtype: type = np.float32) -> None:
    """The row of picture i is [10 i, 10 i + 1]."""
    with entry.alone(silent), entry.adding([KEYS[i] for i in places], (2,), dtype) as rows:
        for row, i in enumerate(places):
            rows[row] = (10 * i, 10 * i + 1)


def _firsts(entry: Entry, places: list[int]) -> list[int]:
    rows = entry.rows([KEYS[i] for i in places])
    return (rows.take(np.arange(len(places)))[:, 0] / 10).astype(int).tolist()


def test_a_key_is_of_the_pixels_alone() -> None:
    assert len(set(KEYS)) == 9
    assert keys_of(PICTURES[::-1]) == KEYS[::-1]
    assert keys_of(np.asfortranarray(PICTURES)) == KEYS
    other = PICTURES.copy()
    other[3, 0, 0, 0] ^= 1
    assert [i for i in range(9) if keys_of(other)[i] != KEYS[i]] == [3]


def test_rows_are_found_in_any_order_and_any_choice() -> None:
    entry = Entry(RECIPE)
    assert entry.rows(KEYS) is None
    assert entry.missing(KEYS).tolist() == list(range(9))
    _add(entry, [4, 0, 2])
    assert _firsts(entry, [0, 2, 4]) == [0, 2, 4]
    assert _firsts(entry, [4, 4, 0]) == [4, 4, 0]
    assert entry.rows([KEYS[0], KEYS[1]]) is None
    assert entry.missing([KEYS[i] for i in (8, 4, 8, 1, 0)]).tolist() == [0, 3], "of equal pictures the first alone"
    _add(entry, [8, 1])
    assert _firsts(entry, [1, 4, 8, 0]) == [1, 4, 8, 0], "across segments"
    rows = entry.rows([KEYS[i] for i in (1, 4, 8, 0)])
    assert len(rows) == 4
    assert rows.take(np.array([2, 0]))[:, 1].tolist() == [81, 11]
    assert len(entry.rows([])) == 0


def test_another_recipe_is_another_entry_and_the_order_of_its_words_does_not_matter() -> None:
    _add(Entry(RECIPE), [0])
    assert Entry(dict(reversed(RECIPE.items()))).rows(KEYS[:1]) is not None
    assert Entry(RECIPE | {"view": "augmented 1"}).rows(KEYS[:1]) is None


def test_rows_that_were_dropped_are_missing_and_nothing_breaks() -> None:
    entry = Entry(RECIPE)
    _add(entry, [0, 1])
    held = entry.rows(KEYS[:2])
    shelf().clear()
    assert entry.rows(KEYS[:2]) is None
    entry.count(1, 1)
    assert not entry.folder.exists()
    assert held.take(np.array([1]))[0, 0] == 10
    _add(entry, [0, 1])
    assert _firsts(entry, [1, 0]) == [1, 0]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("rows.npy", lambda whole: whole[:-4]),
        ("rows.npy", lambda whole: whole[:50]),
        ("rows.npy", lambda whole: b""),
        ("rows.npy", lambda whole: bytes(len(whole))),
        ("keys.bin", lambda whole: whole[:-1]),
        ("keys.bin", lambda whole: whole[:-16]),
        ("keys.bin", lambda whole: b""),
    ],
)
def test_a_segment_that_cannot_be_read_is_dropped_and_its_rows_are_missing(file: str, content: Callable) -> None:
    entry = Entry(RECIPE)
    _add(entry, [0, 1])
    (broken,) = entry.folder.glob("segment-*")
    _add(entry, [2])
    (broken / file).write_bytes(content((broken / file).read_bytes()))
    assert entry.rows(KEYS[:3]) is None
    assert not broken.exists()
    assert entry.missing(KEYS[:3]).tolist() == [0, 1]
    _add(entry, [0, 1])
    assert _firsts(entry, [0, 1, 2]) == [0, 1, 2]


def test_an_error_while_filling_adds_nothing() -> None:
    entry = Entry(RECIPE)
    _add(entry, [0])
    with pytest.raises(ZeroDivisionError), entry.adding(KEYS[1:3], (2,), np.float32):
        raise ZeroDivisionError
    assert entry.missing(KEYS[:3]).tolist() == [1, 2]
    assert not list(entry.folder.glob(".*"))


def test_what_a_person_sees() -> None:
    assert kept() == []
    _add(Entry(RECIPE), [0, 1, 2])
    _add(Entry(RECIPE | {"cut": "stage 4"}), [5])
    _add(Entry(RECIPE), [3])
    Entry(RECIPE).count(5, 4)
    Entry(RECIPE).count(2, 0)
    last, first = sorted(kept(), key=lambda entry: entry.images)
    assert (first.cut, first.images, first.served, first.computed) == ("head", 4, 7, 4)
    assert (last.cut, last.images, last.served, last.computed) == ("stage 4", 1, 0, 0)
    assert first.bytes >= 4 * 2 * 4
    (shelf().folder / "stray").mkdir()
    (Entry(RECIPE).folder / "use.json").write_text("{}")
    assert len(kept()) == 2
    assert {entry.served for entry in kept()} == {0}


def test_the_limit_and_the_folder_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_ACTIVATIONS_GB", "0.5")
    assert (activations.shelf().folder, activations.shelf().limit_bytes) == (tmp_path / "activations", 500_000_000)
