"""A folder of class folders into items: which folder is a class, which is a split, and what is left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from tlcore.data import pictures
from tlcore.data.archives import hidden
from tlcore.data.listing import Item, Listing, SplitName, digest_of
from tlcore.errors import DataError
from tlcore.progress import Progress

MAX_FILES: Final = 500_000
MAX_DEPTH: Final = 30
MAX_CLASSES: Final = 1_000
MAX_CLASS_NAME: Final = 120
MIN_PER_CLASS: Final = 3  # one each for training, validation and test

_SPLIT_NAMES: dict[str, SplitName] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
ARRANGE: Final = "Arrange it as one folder per class, such as cats/1.png, cats/2.png, dogs/1.png."


@dataclass
class Tree:
    """The regular files below a folder, as parts of their relative paths, and how many of what were left out."""

    root: Path
    files: list[tuple[str, ...]] = field(default_factory=list)
    folders: set[tuple[str, ...]] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)

    def notices(self) -> list[str]:
        return [f"Left out: {what} ({count:,})." for what, count in self.left_out.items()]


def walk(root: Path) -> Tree:
    """Find every visible file below `root`, in the order of its path. Links out of it, and linked folders, stay out.

    Raises `DataError` where a folder cannot be read or there are more than `MAX_FILES` files.
    """
    tree = Tree(root)
    try:
        for parts, is_folder in _entries(root, (), tree.left_out):
            if is_folder:
                tree.folders.add(parts)
            else:
                tree.files.append(parts)
            if len(tree.files) > MAX_FILES:
                raise DataError(f"{root.name!r} holds more than {MAX_FILES:,} files.", next_step="Give a smaller folder.")
    except OSError as error:
        raise DataError(
            f"{Path(error.filename or root).name!r} cannot be read: {error.strerror or error}.",
            next_step="Check the folder's permissions.",
        ) from error
    return tree


def _entries(folder: Path, above: tuple[str, ...], left_out: Counter[str]) -> Iterator[tuple[tuple[str, ...], bool]]:
    with os.scandir(folder) as scanned:
        entries = sorted(scanned, key=lambda entry: entry.name)
    for entry in entries:
        parts = (*above, entry.name)
        if hidden((entry.name,)):
            continue
        if entry.is_symlink():
            root = folder.parents[len(above) - 1] if above else folder
            real = Path(entry.path).resolve()
            if not (real.is_relative_to(root) and real.is_file()):
                left_out["links that lead out of the folder, to a folder or nowhere"] += 1
                continue
        if len(parts) > MAX_DEPTH:
            left_out[f"what lies more than {MAX_DEPTH} folders deep"] += 1
        elif entry.is_dir(follow_symlinks=False):
            yield parts, True
            yield from _entries(Path(entry.path), parts, left_out)
        elif entry.is_file():
            yield parts, False


def class_folders(root: Path, progress: Progress) -> Listing:
    """List a folder of class folders, with train, val and test folders above the classes or without.

    Folders that hold nothing but one folder are stepped into. Pictures are not decoded. Raises `DataError` where there is
    no picture, no class folder, one class alone, a class name above `MAX_CLASS_NAME` characters, or too few pictures.
    """
    tree = walk(root)
    found = [parts for parts in tree.files if parts[-1].lower().endswith(pictures.SUFFIXES)]
    if not found:
        raise DataError(_no_pictures(tree), next_step=ARRANGE)
    others = len(tree.files) - len(found)
    tree.left_out.update({"files that are not pictures": others} if others else {})
    base, splits = _base(found)
    placed: list[tuple[tuple[str, ...], str, SplitName | None]] = []
    for parts in found:
        inside = parts[len(base) :]
        split = splits.get(inside[0]) if splits else None
        if splits and split is None:
            tree.left_out["pictures outside the train, val and test folders"] += 1
        elif len(inside) < (3 if splits else 2):
            tree.left_out["pictures that lie in no class folder"] += 1
        else:
            placed.append((parts, inside[1 if splits else 0], split))
    if not placed:
        raise DataError(
            f"The pictures in {root.name!r} lie side by side, not in class folders, so nothing says what they show.",
            next_step=f"{ARRANGE} For DICOM files or a flat folder, give a CSV with the columns file and label.",
        )
    classes = sorted({name for _, name, _ in placed})
    notices = tree.notices() + _empty_classes(tree, base, splits, set(classes))
    if splits:
        notices.insert(0, f"The folder says the split itself: {', '.join(f'{k} is {v}' for k, v in sorted(splits.items()))}.")
    check_classes(Counter(name for _, name, _ in placed), root.name)
    return Listing(
        tuple(_items(tree.root, placed, classes, progress)), tuple(readable(name) for name in classes), tuple(notices)
    )


def _no_pictures(tree: Tree) -> str:
    if any(parts[-1].lower().endswith((".dcm", ".dicom")) for parts in tree.files):
        return f"{tree.root.name!r} holds DICOM files, and no CSV with the columns file and label says what they show."
    if tree.files:
        return f"{tree.root.name!r} holds no picture that is read here, but {len(tree.files):,} other files."
    return f"{tree.root.name!r} is empty: it holds no picture."


def _base(found: list[tuple[str, ...]]) -> tuple[tuple[str, ...], dict[str, SplitName]]:
    """The folder that holds the classes or the splits, and which of its folders is which split."""
    base: tuple[str, ...] = ()
    while True:
        depth = len(base)
        names = sorted({parts[depth] for parts in found if len(parts) > depth + 1})
        splits = {name: _SPLIT_NAMES[name.lower()] for name in names if name.lower() in _SPLIT_NAMES}
        if "train" in splits.values() and len(set(splits.values())) > 1:
            if len(splits) > len(set(splits.values())):
                raise DataError(f"Two folders name the same split: {', '.join(splits)}.", next_step="Keep one of each.")
            return base, splits
        if len(names) != 1 or any(len(parts) <= depth + 2 for parts in found):
            return base, {}
        base = (*base, names[0])


def _empty_classes(tree: Tree, base: tuple[str, ...], splits: dict[str, SplitName], classes: set[str]) -> list[str]:
    level = len(base) + (2 if splits else 1)
    folders = {parts[-1] for parts in tree.folders if len(parts) == level and parts[: len(base)] == base}
    empty = sorted(folders - classes)
    return [f"Left out, because they hold no picture: {', '.join(map(repr, empty[:5]))}."] if empty else []


def check_classes(images: Counter[str], where: str) -> None:
    """Refuse classes that cannot be told apart or split; `images` counts each class's pictures."""
    if len(images) < 2:
        raise DataError(
            f"{where!r} has one class only ({next(iter(images))!r}), and there is nothing to tell apart.",
            next_step=f"Give at least two classes. {ARRANGE}",
        )
    if len(images) > MAX_CLASSES:
        raise DataError(f"{where!r} has {len(images):,} classes; at most {MAX_CLASSES:,} are handled.", next_step=ARRANGE)
    long = next((name for name in images if len(name) > MAX_CLASS_NAME), None)
    if long is not None:
        raise DataError(
            f"The class name {long[:40]!r}... has {len(long)} characters; at most {MAX_CLASS_NAME} are allowed.",
            next_step="Shorten it.",
        )
    few = sorted(name for name, count in images.items() if count < MIN_PER_CLASS)
    if few:
        smallest = ", ".join(f"{name!r} ({images[name]})" for name in few[:5])
        raise DataError(
            f"Each class needs at least {MIN_PER_CLASS} pictures, one each for training, validation and test; "
            f"{'this one has' if len(few) == 1 else 'these have'} fewer: {smallest}.",
            next_step="Add pictures (20 or more in each class make a sensible start), or leave the class out.",
        )


def _items(
    root: Path, placed: list[tuple[tuple[str, ...], str, SplitName | None]], classes: list[str], progress: Progress
) -> Iterator[Item]:
    index = {name: i for i, name in enumerate(classes)}
    for done, (parts, name, split) in enumerate(placed):
        if done % 50 == 0:
            progress("Reading the folder", done, len(placed), "pictures")
        path = root.joinpath(*parts)
        yield Item(
            id=readable("/".join(parts)),
            read=partial(pictures.decode, path),
            label=index[name],
            digest=digest_of(path),
            split=split,
            file=path,
        )


def readable(name: str) -> str:
    """A file's name as text that can be stored everywhere: bytes that are not UTF-8 become the replacement character."""
    return os.fsencode(name).decode("utf-8", "replace")
