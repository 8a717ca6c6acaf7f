"""A listing: the pictures of a dataset before any of them is decoded. What catalogued and own data have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PIL import Image

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Item:
    """One picture: where it comes from, what it shows, and who it belongs to."""

    id: str  # unique in its listing, the same on every machine: a path inside the dataset, such as "train/cat/001.png"
    read: Callable[[], Image.Image] = field(repr=False, compare=False)  # RGB, 8 bit, upright; raises DataError
    label: int  # index into the listing's classes
    digest: str  # SHA-256 of the bytes that the picture is made of: equal digests are the same picture
    patient: str | None = None  # pictures of one patient (or of one object) never part
    split: SplitName | None = None  # what the dataset itself says; None where it says nothing
    file: Path | None = None  # where it is a file of its own: its format and size tell of shortcuts

    def placed(self, split: SplitName | None) -> Item:
        """The same picture in another split. (`dataclasses.replace` takes three times as long, and there may be 70,000.)"""
        return Item(self.id, self.read, self.label, self.digest, self.patient, split, self.file)


@dataclass(frozen=True)
class Listing:
    """All the pictures of a dataset, the names of its classes, and sentences about what was left out or assumed.

    `columns` is what else is told of pictures (column -> picture's id -> value), such as sex or site: never seen in training, a
    finished run can be split by it.
    """

    items: tuple[Item, ...]
    classes: tuple[str, ...]
    notices: tuple[str, ...] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)


def digest_of(content: bytes | Path) -> str:
    """SHA-256 of bytes or of a file, as hexadecimal digits."""
    if isinstance(content, Path):
        with open(content, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(content).hexdigest()
