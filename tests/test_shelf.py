"""The shelf: bounded, whole entries or none, and one maker at a time."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest

from tlcore import shelf as module
from tlcore.errors import AssetError, Cancelled
from tlcore.files import TEMPORARY_SUFFIX
from tlcore.progress import silent
from tlcore.shelf import Shelf, allocate, free_bytes, size_of, used_now


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf", 100, "The things", "Make room.")


def _put(shelf: Shelf, name: str, size: int, age: float = 0.0) -> Path:
    with shelf.filling(shelf.entry(name), size) as aside:
        (aside / "content").write_bytes(bytes(size))
    then = time.time() - age
    os.utime(shelf.entry(name), (then, then))
    return shelf.entry(name)


def test_an_entry_is_whole_or_not_there(shelf: Shelf) -> None:
    with shelf.filling(shelf.entry("a"), 3) as aside:
        (aside / "content").write_bytes(b"abc")
        assert shelf.entries() == []
    assert [entry.name for entry in shelf.entries()] == ["a"]
    assert (shelf.size(), size_of(shelf.entry("a"))) == (3, 3)
    with pytest.raises(Cancelled), shelf.filling(shelf.entry("b"), 3):
        raise Cancelled("stop")
    assert [entry.name for entry in shelf.folder.iterdir()] == ["a"]


def test_the_least_recently_used_goes_first(shelf: Shelf) -> None:
    for name, age in (("old", 30), ("middle", 20), ("young", 10)):
        _put(shelf, name, 30, age)
    shelf.make_room(10)
    assert [entry.name for entry in shelf.entries()] == ["old", "middle", "young"]
    used_now(shelf.entry("old"))
    shelf.make_room(11)
    assert [entry.name for entry in shelf.entries()] == ["young", "old"]


def test_what_is_in_use_stays(shelf: Shelf) -> None:
    kept = _put(shelf, "kept", 60, 30)
    _put(shelf, "other", 30, 10)
    shelf.make_room(50, keep=[kept])
    assert shelf.entries() == [kept]


def test_what_is_being_filled_goes_last(shelf: Shelf) -> None:
    busy, _, young = (_put(shelf, name, 30, age) for name, age in (("busy", 30), ("idle", 20), ("young", 10)))
    (busy / f".segment-1.1{TEMPORARY_SUFFIX}").mkdir()
    os.utime(busy, (time.time() - 30,) * 2)
    shelf.make_room(40)
    assert shelf.entries() == [busy, young]
    shelf.make_room(100, keep=[young])
    assert shelf.entries() == [young]


def test_what_somebody_else_reads_stays_readable(shelf: Shelf) -> None:
    with shelf.filling(shelf.entry("a"), 0) as aside:
        allocate(aside / "rows.npy", (5,), np.int64)[:] = range(5)
    mapped = np.load(shelf.entry("a") / "rows.npy", mmap_mode="r")
    assert shelf.clear() > 40
    assert shelf.entries() == []
    assert mapped.tolist() == list(range(5))


def test_old_entries_go_where_the_disk_is_full_and_none_where_that_does_not_help(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(shelf, "old", 40, 20)
    young = _put(shelf, "young", 40, 10)
    monkeypatch.setattr(module, "free_bytes", lambda folder: 5)
    with pytest.raises(AssetError, match=r"The things take 0 MB and could not be kept in .*: 0 MB are free") as refused:
        shelf.make_room(86)
    assert refused.value.next_step == "Make room."
    assert len(shelf.entries()) == 2
    with pytest.raises(AssetError):
        shelf.make_room(46, keep=[shelf.entry("old")])
    shelf.make_room(16)
    assert shelf.entries() == [young]


def test_a_disk_that_fills_up_leaves_nothing_half_written(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "posix_fallocate", full)
    with pytest.raises(AssetError, match="No space left on device"), shelf.filling(shelf.entry("a"), 80) as aside:
        allocate(aside / "rows.npy", (10,), np.float32)
    assert list(shelf.folder.iterdir()) == []


def test_leftovers_of_killed_processes_are_swept_once_they_are_old(shelf: Shelf) -> None:
    entry = _put(shelf, "a", 10)
    leftovers = [shelf.folder / ".b.123.partial", entry / ".segment-1.123.partial"]
    for leftover in leftovers:
        leftover.mkdir()
        (leftover / "rows.npy").write_bytes(bytes(50))
    file = entry / ".use.json.123.456.partial"
    file.write_text("{")
    shelf.make_room(1)
    assert all(leftover.exists() for leftover in (*leftovers, file)), "it may be being written"
    yesterday = time.time() - module._STALE_SECONDS - 1
    for leftover in (*leftovers, file):
        os.utime(leftover, (yesterday, yesterday))
    shelf.make_room(1)
    assert not any(leftover.exists() for leftover in (*leftovers, file))
    assert shelf.entries() == [entry]


def test_waiting_for_another_maker_is_told_and_can_be_stopped(shelf: Shelf) -> None:
    def stop(what: str, done: int, total: int, unit: str) -> None:
        raise Cancelled(what)

    with (
        shelf.alone("abc", silent, "first"),
        pytest.raises(Cancelled, match="second"),
        shelf.alone("abd", stop, "second"),  # another entry, but of the same lock
    ):
        raise AssertionError("two at once")
    with shelf.alone("abc", stop, "third"), shelf.alone("xyz", stop, "fourth"):
        pass


def test_an_array_has_its_room_reserved(tmp_path: Path) -> None:
    array = allocate(tmp_path / "rows.npy", (1000, 10), np.float32)
    assert (tmp_path / "rows.npy").stat().st_blocks * 512 >= array.nbytes
    assert free_bytes(tmp_path / "not" / "there" / "yet") > 0
