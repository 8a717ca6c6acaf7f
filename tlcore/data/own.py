"""A person's own data: a folder of class folders, a ZIP of one, or files with a CSV of labels (DICOM)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from tlcore.data.archives import unpack
from tlcore.data.folders import ARRANGE, class_folders
from tlcore.data.listing import Listing
from tlcore.data.table import labelled_files
from tlcore.errors import DataError
from tlcore.progress import Progress, silent

TABLE: Final = "labels.csv"  # at the top of the folder, it is taken where no other CSV is given


def listing(path: Path, *, labels: Path | None = None, progress: Progress = silent) -> Listing:
    """List a person's pictures with their classes, none of them decoded yet.

    `labels` is a CSV with the columns file, label and (optional) patient; a relative path may also be one inside the
    folder or ZIP. Raises `DataError`, in one sentence with the next step, for all that cannot be used.
    """
    root = _folder(path, progress)
    table = _table(root, labels)
    if table is None:
        return class_folders(root, progress)
    found = labelled_files(table.parent if table.is_relative_to(root) else root, table, progress)
    if labels is None:
        return replace(found, notices=(f"The labels are those of {TABLE} in the folder.", *found.notices))
    return found


def _folder(path: Path, progress: Progress) -> Path:
    try:
        real = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"There is nothing at {str(path)!r}.", next_step="Check the path; give a folder or a ZIP.") from error
    if real.is_dir():
        return real
    if real.is_file():
        return unpack(real, progress=progress)
    raise DataError(f"{str(path)!r} is neither a folder nor a ZIP.", next_step=ARRANGE)


def _table(root: Path, labels: Path | None) -> Path | None:
    if labels is None:
        return _inside(root, Path(TABLE))
    return labels.resolve() if labels.exists() or labels.is_absolute() else _inside(root, labels) or labels


def _inside(root: Path, name: Path) -> Path | None:
    """The file called `name` in the folder, or in the one folder that is all it holds; never one outside."""
    folders = [entry for entry in root.iterdir() if entry.is_dir()]
    for folder in [root, *folders[: len(folders) == 1]]:
        table = (folder / name).resolve()
        if table.is_file() and table.is_relative_to(root):
            return table
    return None
