"""Datasets as arrays: decoded once, kept in the cache, memory-mapped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np

from tlcore.data.catalogue import DATASETS, DatasetCard, dataset_card
from tlcore.data.decoded import Decoded, decode_all, keys_of
from tlcore.data.listing import SPLITS, Item, SplitName
from tlcore.data.sources import listing, split_listing
from tlcore.data.splits import subsample
from tlcore.errors import DataError
from tlcore.progress import Progress, silent

MEMORY_BYTES: Final = 1 << 30  # a part of a split above it is decoded for itself, not cut out of the whole in memory
_NAMED: Final = 5  # how many pictures that cannot be read a notice names


@dataclass(frozen=True)
class Split:
    """Pictures of one size with their labels."""

    images: np.ndarray  # uint8 (N, S, S, 3), in memory or memory-mapped copy-on-write
    labels: np.ndarray  # int64 (N,)
    ids: tuple[str, ...]
    patients: tuple[str | None, ...] | None = None  # whose pictures they are; None where the dataset tells of nobody
    kept_keys: tuple[bytes, ...] | None = field(default=None, repr=False)  # `keys`, where somebody has computed them

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """The digest of each picture's pixels: equal pictures have equal keys."""
        return keys_of(self.images) if self.kept_keys is None else self.kept_keys

    def part(self, rows: np.ndarray) -> Split:
        """The pictures in these rows, in memory."""
        patients = None if self.patients is None else tuple(self.patients[i] for i in rows)
        keys = None if self.kept_keys is None else tuple(self.kept_keys[i] for i in rows)
        return Split(np.array(self.images[rows]), self.labels[rows], tuple(self.ids[i] for i in rows), patients, keys)


@dataclass(frozen=True)
class Dataset:
    """A dataset ready for training."""

    card: DatasetCard
    classes: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    digest: str  # SHA-256 of pictures, labels and split: equal digests are the same data
    notices: tuple[str, ...]


def load(
    dataset: str,
    *,
    labels: str | None = None,
    image_size: int,
    images_per_class: int | None = None,
    seed: int = 0,
    interpolation: str = "bicubic",
    progress: Progress = silent,
) -> Dataset:
    """Fetch, split, decode and cache a catalogued dataset or a person's own.

    `images_per_class` thins the training split alone, drawn by `seed`; the split itself never depends on it. Pictures that
    cannot be read are left out with a notice. Raises `UnknownName`, `DataError` and `AssetError`.
    """
    card = dataset_card(dataset)
    if card.refusal:
        raise DataError(f"{card.title} cannot be trained on. {card.refusal}", next_step="Choose another dataset.")
    found = split_listing(card, listing(dataset, labels=labels, image_size=image_size, progress=progress))
    chosen: dict[SplitName, tuple[Item, ...]] = {
        name: tuple(item for item in found.items if item.split == name) for name in SPLITS
    }
    wholes = dict(chosen)
    if images_per_class is not None:
        chosen["train"] = subsample(chosen["train"], images_per_class, seed)

    decoder = _Decoder(card, image_size, interpolation, progress)
    splits = {name: decoder.split(name, chosen[name], wholes[name]) for name in SPLITS}
    for label, title in enumerate(found.classes):
        if not (splits["train"].labels == label).any():
            raise DataError(f"No training picture of {title!r} can be read.", next_step="Replace the damaged files.")
    if dataset not in DATASETS:
        counts = {name: len(splits[name]) for name in SPLITS}
        card = replace(card, classes=found.classes, images=counts, size=f"{sum(counts.values()):,} images")
        if len(found.classes) == 2:
            card = replace(card, task="binary")
    notices = (*found.notices, *decoder.notices())
    return Dataset(card, found.classes, *splits.values(), _digest(found.classes, decoder.read), notices)


def load_unlabelled(dataset: str, *, image_size: int, interpolation: str = "bicubic", progress: Progress = silent) -> Split:
    """All pictures of a dataset, its labels set aside (all 0): what networks are compared on."""
    items = tuple(sorted(listing(dataset, image_size=image_size, progress=progress).items, key=lambda item: item.id))
    whole = _Decoder(dataset_card(dataset), image_size, interpolation, progress).split("test", items, items)
    return replace(whole, labels=np.zeros(len(whole), dtype=np.int64))


def load_sample(
    dataset: str,
    *,
    labels: str | None = None,
    images: int,
    image_size: int,
    seed: int = 0,
    split: SplitName = "train",
    classes: Sequence[str] | None = None,
    interpolation: str = "bicubic",
    progress: Progress = silent,
) -> Split:
    """At most `images` pictures of one of a dataset's splits, drawn by `seed` whatever their class; nothing else is decoded.

    Raises `DataError` where `classes` are given and the dataset's are no longer those.
    """
    card = dataset_card(dataset)
    found = split_listing(card, listing(dataset, labels=labels, image_size=image_size, progress=progress))
    if classes is not None and tuple(found.classes) != tuple(classes):
        raise DataError(
            f"The images of {card.title} are no longer of the classes {', '.join(classes)}.",
            next_step="Put them back as they were.",
        )
    items = sorted((item for item in found.items if item.split == split), key=lambda item: item.id)
    rows = np.random.default_rng(np.random.SeedSequence([seed, 13])).permutation(len(items))[:images]
    return _Decoder(card, image_size, interpolation, progress).split(split, [items[i] for i in sorted(rows)], items)


def load_those(
    dataset: str,
    ids: Collection[str],
    *,
    labels: str | None = None,
    image_size: int,
    interpolation: str = "bicubic",
    progress: Progress = silent,
) -> tuple[Split, tuple[SplitName, ...]]:
    """The pictures of a dataset that have these ids, sorted by id, and the split that each of them falls in.

    What cannot be read, or is not in the dataset, is left out. Raises `DataError` where nothing is left.
    """
    card = dataset_card(dataset)
    found = split_listing(card, listing(dataset, labels=labels, image_size=image_size, progress=progress))
    items = sorted((item for item in found.items if item.id in ids), key=lambda item: item.id)
    if not items:
        raise DataError(f"{card.title} has none of the {len(ids)} pictures that were asked for.")
    pictures = _Decoder(card, image_size, interpolation, progress).split("test", items, items)
    split_of: dict[str, SplitName] = {item.id: item.split for item in items if item.split is not None}
    return pictures, tuple(split_of[name] for name in pictures.ids)


class _Decoder:
    """Decodes one split after another, and remembers what there is to say about them."""

    def __init__(self, card: DatasetCard, image_size: int, interpolation: str, progress: Progress) -> None:
        self.card = card
        self.image_size = image_size
        self.interpolation = interpolation
        self.progress = progress
        self.read: dict[SplitName, list[Item]] = {}  # the items that could be read
        self.bad: list[tuple[str, str]] = []  # id, reason
        self.oblong = 0

    def split(self, name: SplitName, items: Sequence[Item], whole: Sequence[Item]) -> Split:
        """The pictures of `items`, a part of `whole`: cut out of the whole split where that has been decoded before."""
        small = len(items) * self.image_size**2 * 3 <= MEMORY_BYTES
        decoded = self._decode(whole, only_cached=True) if small and len(items) < len(whole) else None
        if decoded is not None:
            decoded = _part(decoded, whole, items)
        else:
            decoded = self._decode(items)
        assert decoded is not None
        self.bad += [(items[i].id, why) for i, why in decoded.bad]
        self.oblong += len(decoded.oblong)
        kept = self.read[name] = [items[i] for i in decoded.kept]
        if not kept:
            raise DataError(
                f"None of the {len(items)} {name} pictures can be read. {self._examples()}",
                next_step="Use PNG, JPEG, TIFF, BMP or WebP files that open in a picture viewer.",
            )
        labels, patients = [item.label for item in kept], tuple(item.patient for item in kept)
        return Split(
            decoded.images,  # mapped: what a run looks at is read then
            np.array(labels, dtype=np.int64),
            tuple(item.id for item in kept),
            patients if any(patient is not None for patient in patients) else None,
            decoded.keys,
        )

    def _decode(self, items: Sequence[Item], only_cached: bool = False) -> Decoded | None:
        return decode_all(
            items,
            image_size=self.image_size,
            framing=self.card.framing,
            interpolation=self.interpolation,
            only_cached=only_cached,
            progress=self.progress,
        )

    def _examples(self) -> str:
        shown = "; ".join(f"{name}: {why}" for name, why in self.bad[:_NAMED])
        more = len(self.bad) - _NAMED
        return f"{shown} And {more:,} more." if more > 0 else shown

    def notices(self) -> tuple[str, ...]:
        sentences = []
        if self.bad:
            many = "1 picture" if len(self.bad) == 1 else f"{len(self.bad):,} pictures"
            sentences.append(f"Left out {many} that cannot be read. {self._examples()}")
        if self.oblong and self.card.framing == "whole":
            which = (
                "1 picture is not square: it is" if self.oblong == 1 else f"{self.oblong:,} pictures are not square: they are"
            )
            sentences.append(f"{which} padded with black, nothing is cut off.")
        return tuple(sentences)


def _part(whole: Decoded, items: Sequence[Item], wanted: Sequence[Item]) -> Decoded:
    position = {item.id: i for i, item in enumerate(wanted)}
    rows = [row for row, i in enumerate(whole.kept) if items[i].id in position]
    kept = tuple(position[items[whole.kept[row]].id] for row in rows)
    bad = tuple((position[items[i].id], why) for i, why in whole.bad if items[i].id in position)
    oblong = tuple(position[items[i].id] for i in whole.oblong if items[i].id in position)
    return Decoded(whole.images[rows], tuple(whole.keys[row] for row in rows), kept, bad, oblong)


def _digest(classes: Sequence[str], splits: dict[SplitName, list[Item]]) -> str:
    content = [list(classes), [[name, [[item.digest, item.label] for item in splits[name]]] for name in SPLITS]]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
