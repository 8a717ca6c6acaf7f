"""Who is trained on, who is validated on, who is tested on. A split never parts the pictures of one patient.

A split is a property of the dataset, not of a run: it depends on the pictures alone and never on a run's seed, so that
runs can be compared. Chance comes from SHA-256 of names, which is the same on every machine and in every version of
every library, and leaves most pictures where they are when some are added.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tlcore.data.listing import SPLITS, Item, Listing, SplitName
from tlcore.errors import DataError

Shares = Mapping[SplitName, float]  # of the pictures of each class; they add up to 1
SHARES: Final[Shares] = {"train": 0.70, "val": 0.15, "test": 0.15}
_SPLIT_SEED: Final = "thaw split 1"
_ORDER: Final[tuple[SplitName, ...]] = ("train", "test", "val")  # who is served first where pictures are few


def split(listing: Listing, *, shares: Shares = SHARES, keep_marks: bool = True, merge_duplicates: bool = False) -> Listing:
    """Give every item its split.

    With `keep_marks`, what the dataset says itself holds, and only a split that it lacks is taken from its training
    pictures. With `merge_duplicates`, of equal pictures with one label in one split the first is kept. Pictures of one patient,
    and equal pictures, form a group that is never parted; each class is shared out by `shares`, group by group.
    Raises `DataError` where there are fewer than two classes, or too few pictures of one.
    """
    items = sorted(listing.items, key=lambda item: item.id)
    notices = list(listing.notices)
    _check_classes(items, listing.classes)
    if not keep_marks or not any(item.split for item in items):
        items = [item.placed(None) if item.split else item for item in items]
        items = _share_out(items, listing.classes, shares)
    else:
        items = [item if item.split else item.placed("train") for item in items]
        lacking = [name for name in SPLITS if not any(item.split == name for item in items)]
        if "train" in lacking:
            raise DataError(
                "There are no training pictures: every picture is marked as validation or test.",
                next_step="Add a folder named train, or remove the split folders and let Thaw split.",
            )
        if lacking:
            wanted: Shares = {name: shares[name] for name in ("train", *lacking)}
            train = _share_out([item for item in items if item.split == "train"], listing.classes, wanted)
            items = sorted([*train, *(item for item in items if item.split != "train")], key=lambda item: item.id)
            notices.append(f"No {' and no '.join(lacking)} pictures are marked: some training pictures take their place.")
        notices += _crossings(items)
    if merge_duplicates:  # after sharing out: the twin that goes may be what holds two patients' names together
        kept = list({(item.digest, item.label, item.split): item for item in reversed(items)}.values())[::-1]
        if len(kept) < len(items):
            notices.append(f"Left out {len(items) - len(kept)} exact duplicates.")
        items = kept
    return Listing(tuple(items), listing.classes, (*notices, *_missing_classes(items, listing.classes)), listing.columns)


def subsample(items: Sequence[Item], per_class: int, seed: int) -> tuple[Item, ...]:
    """At most `per_class` items of each class, drawn by `seed`, in the given order.

    Draws are nested: the 100 of a seed are among its 200.
    """
    chosen: set[str] = set()
    for label in {item.label for item in items}:
        names = _shuffled((item.id for item in items if item.label == label), f"subsample {seed}")
        chosen.update(names[:per_class])
    return tuple(item for item in items if item.id in chosen)


def groups(items: Sequence[Item]) -> list[list[Item]]:
    """The items that must stay together: those of one patient, those that are the same picture, and what these chain."""
    parent = list(range(len(items)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    digests: dict[str, int] = {}
    patients: dict[str, int] = {}
    for i, item in enumerate(items):
        if (earlier := digests.setdefault(item.digest, i)) != i:
            parent[root(i)] = root(earlier)
        if item.patient is not None and (earlier := patients.setdefault(item.patient, i)) != i:
            parent[root(i)] = root(earlier)
    together: dict[int, list[Item]] = defaultdict(list)
    for i, item in enumerate(items):
        together[root(i)].append(item)
    return list(together.values())


def _share_out(items: list[Item], classes: Sequence[str], shares: Shares) -> list[Item]:
    """Deal the groups of each class to the split that is furthest below its share. `items` are in the order of their ids."""
    by_class: dict[int, dict[str, list[Item]]] = defaultdict(dict)
    for group in groups(items):
        by_class[_label_of(group)][group[0].id] = group
    order = [name for name in _ORDER if shares.get(name)]
    total = sum(shares.values())
    given: dict[str, SplitName] = {}
    for label, name in enumerate(classes):
        dealt = by_class[label]
        if len(dealt) < len(order):
            raise DataError(
                f"Class {name!r} has {len(dealt)} independent {'picture' if len(dealt) == 1 else 'pictures'} "
                f"(pictures of one patient and equal pictures count once); each class needs at least {len(order)}, "
                f"one each for {', '.join(order)}.",
                next_step="Add pictures to this class, or leave the class out.",
            )
        pictures = sum(len(group) for group in dealt.values())
        lacking = {split: shares[split] / total * pictures for split in order}
        for position, key in enumerate(_shuffled(dealt, _SPLIT_SEED)):
            to = order[position] if position < len(order) else max(order, key=lacking.__getitem__)
            lacking[to] -= len(dealt[key])
            for item in dealt[key]:
                given[item.id] = to
    return [item.placed(given[item.id]) for item in items]


def _label_of(group: Sequence[Item]) -> int:
    """The most frequent label, the first one in a tie."""
    if len(group) == 1:
        return group[0].label
    counts = Counter(item.label for item in group)
    return min(counts, key=lambda label: (-counts[label], label))


def _shuffled(names: Iterable[str], seed: str) -> list[str]:
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())


def _check_classes(items: Sequence[Item], classes: Sequence[str]) -> None:
    if not items:
        raise DataError("There are no pictures here.", next_step="Choose a folder with one folder of pictures for each class.")
    if len(classes) < 2:
        raise DataError(
            f"There is only one class here ({classes[0]!r}); a classifier needs at least two to tell apart."
            if classes
            else "There are no classes here.",
            next_step="Add a folder of pictures for each further class.",
        )
    present = {item.label for item in items}
    if empty := [name for label, name in enumerate(classes) if label not in present]:
        raise DataError(f"No picture belongs to {', '.join(map(repr, empty))}.", next_step="Add pictures, or leave it out.")


def _crossings(items: Sequence[Item]) -> list[str]:
    """Sentences about marks that part what belongs together. They are kept all the same: they are the dataset's own."""
    sentences = []
    for what, key in (("pictures", lambda item: item.digest), ("patients", lambda item: item.patient)):
        first: dict[str, SplitName | None] = {}
        crossing = {
            name for item in items if (name := key(item)) is not None and first.setdefault(name, item.split) != item.split
        }
        if crossing:
            sentences.append(f"{len(crossing)} {what} are in more than one of train, val and test: results may look too good.")
    return sentences


def _missing_classes(items: Sequence[Item], classes: Sequence[str]) -> list[str]:
    sentences = []
    for name in SPLITS:
        present = {item.label for item in items if item.split == name}
        missing = [repr(title) for label, title in enumerate(classes) if label not in present]
        if missing and name == "train":
            raise DataError(f"No training picture belongs to {', '.join(missing)}.", next_step="Move some into train.")
        if missing:
            sentences.append(f"The {name} pictures hold none of {', '.join(missing)}.")
    return sentences
