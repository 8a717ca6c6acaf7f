"""Plain downloads: broken off, taken up again, stopped, on a full disk, by several processes at once."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from asset_samples import WEIGHTS, Server, leftovers, plain_asset, sha256, wheel_asset

from tlcore import assets
from tlcore.assets import Download, File, fetch, folder_of, transport
from tlcore.errors import AssetError

ROOT = Path(__file__).resolve().parents[2]


def test_a_download_with_its_progress(server: Server) -> None:
    seen: list[tuple[str, int, int, str]] = []
    folder = fetch(plain_asset(server), progress=lambda *report: seen.append(report))
    assert (folder / "tiny.bin").read_bytes() == WEIGHTS
    done = [report[1] for report in seen if report[0].startswith("Fetching")]
    assert done == sorted(done)
    assert done[-1] == len(WEIGHTS)


def test_md5_where_the_publisher_gives_nothing_else(server: Server) -> None:
    assert fetch(plain_asset(server, digest=hashlib.md5(WEIGHTS).hexdigest())).is_dir()
    with pytest.raises(AssetError, match="not the pinned file"):
        fetch(plain_asset(server, digest=hashlib.md5(b"other").hexdigest()))


def test_a_connection_that_breaks_is_taken_up_again(server: Server) -> None:
    asset = plain_asset(server)
    server.break_after, server.breaks = 1_000_000, 2
    assert (fetch(asset) / "tiny.bin").read_bytes() == WEIGHTS
    assert server.asked == [None, "bytes=1000000-", "bytes=2000000-"]


def test_a_download_that_was_stopped_goes_on_later(server: Server, cache: Path) -> None:
    asset = plain_asset(server)
    server.break_after, server.breaks = 600_000, 4  # as often as it tries
    with pytest.raises(AssetError, match=r"could not be fetched") as caught:
        fetch(asset)
    assert "kept" in caught.value.next_step
    assert [Path(name).name for name in leftovers(cache)] == ["tiny.bin.partial"]
    server.asked.clear()
    assert (fetch(asset) / "tiny.bin").read_bytes() == WEIGHTS
    assert server.asked == ["bytes=2400000-"]
    assert not [name for name in leftovers(cache) if "partial" in name]


def test_a_server_without_ranges_starts_again(server: Server) -> None:
    asset = plain_asset(server)
    server.ranges = False
    server.break_after, server.breaks = 1_000_000, 1
    assert (fetch(asset) / "tiny.bin").read_bytes() == WEIGHTS


def test_a_missing_address(server: Server, cache: Path) -> None:
    asset = plain_asset(server)
    server.files.clear()
    with pytest.raises(AssetError, match="404"):
        fetch(asset)
    assert leftovers(cache) == []


def test_only_web_addresses(cache: Path) -> None:
    with pytest.raises(AssetError, match="not a web address"):
        fetch(wheel_asset(None, sources=(Download("file:///etc/hostname"),), files=(File("hostname", "0" * 64),)))


# --- the disk


def test_a_full_disk_leaves_nothing(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(transport.os, "fsync", full)
    with pytest.raises(AssetError, match="No space left") as caught:
        fetch(plain_asset(server))
    assert "THAW_CACHE_DIR" in caught.value.next_step
    assert leftovers(cache) == []


def test_room_is_looked_for_before(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    little = type("Usage", (), {"free": 5_000_000})
    monkeypatch.setattr(assets.shutil, "disk_usage", lambda path: little)
    with pytest.raises(AssetError, match=r"needs 9 MB of disk .* has 5 MB free"):
        fetch(plain_asset(server))
    assert server.asked == []
    assert leftovers(cache) == []


def test_what_a_killed_process_left_is_swept(server: Server, cache: Path) -> None:
    asset = plain_asset(server)
    own = cache / "assets" / f".staging-{asset.key()}"
    other = cache / "assets" / ".staging-other-1-0"
    for folder in (own, other):
        (folder / "filling").mkdir(parents=True)
        (folder / "filling" / "half").write_bytes(b"half")
    os.utime(other, (time.time() - 8 * 86400,) * 2)
    fetch(asset)
    assert not own.exists()
    assert not other.exists()


# --- two at once

_CHILD = """
import sys
from tlcore.assets import Asset, Download, File, fetch
asset = Asset("tiny", "1.0", "tiny", (Download(sys.argv[1]),), (File("tiny.bin", sys.argv[2]),), "MIT", "", 3_000_000)
print(fetch(asset))
"""


def test_two_processes_fetch_once(server: Server, cache: Path) -> None:
    server.files["/tiny.bin"] = WEIGHTS
    command = [sys.executable, "-c", _CHILD, f"{server.url}/tiny.bin", sha256(WEIGHTS)]
    children = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    folders = {child.communicate(timeout=60)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0, 0]
    assert len(folders) == 1
    assert (Path(folders.pop()) / "tiny.bin").read_bytes() == WEIGHTS
    assert len(server.asked) == 1


# --- records


def test_a_record_must_pin_something() -> None:
    with pytest.raises(ValueError, match="pin the digest"):
        wheel_asset(None)
    with pytest.raises(ValueError, match="hexadecimal"):
        wheel_asset("abc")
    with pytest.raises(ValueError, match="folder's name"):
        wheel_asset("0" * 64, name="../up")


def test_the_folder_changes_with_what_is_pinned() -> None:
    assert folder_of(wheel_asset("0" * 64)) != folder_of(wheel_asset("1" * 64))
    assert folder_of(wheel_asset("0" * 64)) == folder_of(wheel_asset("0" * 64, title="another title"))
