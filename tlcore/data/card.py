"""What is said about a dataset before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tlcore.data.listing import SplitName
from tlcore.data.splits import SHARES

Framing = Literal["whole", "crop"]
Task = Literal["binary", "multi-class", "ordinal", "multi-label", "unlabelled"]


@dataclass(frozen=True)
class DatasetCard:
    """One dataset, for people and for the loader."""

    name: str
    title: str
    sentence: str
    task: Task
    classes: tuple[str, ...]  # empty for a person's own data until it is read
    licence: str
    attribution: str
    size: str  # in words: "3,159 images, 224 px, gray; 30 MB to fetch"
    images: Mapping[SplitName, int] | None  # after our split, where known
    split_rule: str
    warnings: tuple[str, ...] = ()
    # whole: the whole picture, padded with black to a square. crop: the middle, as photographs are commonly framed.
    framing: Framing = "whole"
    flips: bool = False  # whether a mirrored picture still means the same
    medical: bool = False
    refusal: str = ""  # why it cannot be trained on; empty where it can
    shares: Mapping[SplitName, float] = field(default_factory=lambda: SHARES)
    keep_marks: bool = True  # whether the dataset's own split is trusted
    merge_duplicates: bool = False

    @property
    def labelled(self) -> bool:
        return self.task != "unlabelled"
