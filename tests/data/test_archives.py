"""ZIPs that mean harm, uploads, and what a browser may reach."""

from __future__ import annotations

import io
from pathlib import Path

import hostile
import pytest

from tlcore.data import archives, uploads
from tlcore.errors import Cancelled, DataError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("THAW_DATA_ROOTS", raising=False)
    return tmp_path / "cache"


def everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.name.endswith(".lock")}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data_zip_dotdot", "outside its folder"),
        ("data_zip_absolute", "outside its folder"),
        ("data_zip_drive", "outside its folder"),
        ("data_zip_link", "is a link"),
        ("data_zip_bomb", "200 times"),
        ("data_zip_encrypted", "encrypted"),
        ("data_zip_truncated", "cut off or damaged"),
        ("data_zip_damaged", "cut off or damaged"),
        ("data_zip_not", "cut off or damaged"),
        ("data_tar", "only ZIP is read"),
        ("data_7z", "only ZIP is read"),
    ],
)
def test_a_harmful_archive_is_refused_and_leaves_nothing(
    tmp_path: Path, cache: Path, made: dict[str, Path], name: str, words: str
) -> None:
    path = made[name]
    before = everything(path.parent)
    with pytest.raises(DataError, match=words):
        archives.unpack(path)
    assert everything(path.parent) == before
    assert not [left for left in everything(tmp_path) if left.is_file()]
    assert not Path("/tmp/thaw-escaped.png").exists()


def test_a_sound_archive_is_unpacked_once_without_what_systems_leave(made: dict[str, Path], cache: Path) -> None:
    path = made["ok_data_zip"]
    steps: list[int] = []
    folder = archives.unpack(path, progress=lambda what, done, total, unit: steps.append(done))
    assert folder.is_relative_to(cache / "unpacked")
    assert sorted(file.name for file in folder.rglob("*") if file.is_file()) == sorted(f"{i}.png" for i in range(24))
    assert steps == list(range(25))
    assert archives.unpack(path) == folder
    assert (folder / "set/a/0.png").read_bytes() == hostile.encoded(hostile.plain(0), "PNG")


def test_names_written_on_windows_keep_their_folders(tmp_path: Path, cache: Path) -> None:
    folder = archives.unpack(hostile.zip_of(tmp_path / "w.zip", {"set\\a\\1.png": b"x"}))
    assert (folder / "set" / "a" / "1.png").read_bytes() == b"x"


def test_cancelling_leaves_no_half_folder(made: dict[str, Path], cache: Path) -> None:
    def stop(what: str, done: int, total: int, unit: str) -> None:
        if done == 5:
            raise Cancelled("stop")

    path = made["ok_data_zip"]
    with pytest.raises(Cancelled):
        archives.unpack(path, progress=stop)
    assert everything(cache / "unpacked") == set()


@pytest.mark.parametrize(("cap", "value", "words"), [("MAX_ENTRIES", 3, "entries"), ("MAX_BYTES", 100, "would unpack")])
def test_caps_hold(
    made: dict[str, Path], cache: Path, monkeypatch: pytest.MonkeyPatch, cap: str, value: int, words: str
) -> None:
    monkeypatch.setattr(archives, cap, value)
    with pytest.raises(DataError, match=words):
        archives.unpack(made["ok_data_zip"])


def test_two_entries_of_one_name_are_refused(tmp_path: Path, cache: Path) -> None:
    path = hostile.zip_of(tmp_path / "twice.zip", {"a/1.png": b"x", "a\\1.png": b"y"})
    with pytest.raises(DataError, match="File exists"):
        archives.unpack(path)


def test_an_upload_is_kept_under_its_content_and_never_under_its_name(made: dict[str, Path], cache: Path) -> None:
    content = made["ok_data_zip"].read_bytes()
    kept = uploads.store("../../etc/<b>evil</b>.zip", content)
    assert kept.parent == cache / "uploads"
    assert kept.read_bytes() == content
    assert "evil" not in kept.name
    assert uploads.store("other.zip", io.BytesIO(content)) == kept
    assert list(kept.parent.iterdir()) == [kept]
    assert uploads.allowed(kept) == kept
    assert uploads.folders_below_roots() == [kept]


def test_an_upload_too_large_or_of_another_kind_leaves_nothing(cache: Path) -> None:
    with pytest.raises(DataError, match="larger than"):
        uploads.store("a.zip", bytes(2000), max_bytes=1000)
    with pytest.raises(DataError, match="not a whole ZIP"):
        uploads.store("a.zip", b"Rar!")
    assert list((cache / "uploads").iterdir()) == []


def test_a_browser_reaches_nothing_outside_the_data_roots(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    inside = hostile.class_folders(root / "set", {"a": 1, "b": 1})
    outside = hostile.class_folders(tmp_path / "outside", {"a": 1, "b": 1})
    (root / "way out").symlink_to(outside)
    monkeypatch.setenv("THAW_DATA_ROOTS", str(root))
    assert uploads.allowed(str(inside)) == inside
    refused = (outside, root / "way out", root / ".." / "outside", root / "set" / ".." / "set", "set", "/etc/passwd", "/", "")
    for path in (*refused, root / "gone", "\0"):
        with pytest.raises(DataError, match="may be used from the browser"):
            uploads.allowed(path)
    assert uploads.folders_below_roots() == [inside]
