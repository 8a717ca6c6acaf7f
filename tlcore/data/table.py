"""A CSV of labels beside a folder of DICOM files (or of pictures) into items: which file, which label, which patient."""

from __future__ import annotations

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from tlcore.data import dicom, pictures
from tlcore.data.folders import Tree, check_classes, readable, walk
from tlcore.data.listing import Item, Listing, digest_of
from tlcore.errors import DataError
from tlcore.progress import Progress

MAX_BYTES: Final = 50_000_000
MAX_COLUMNS: Final = 30  # besides those that training uses
COLUMNS: Final = "file and label, and if you like patient"
_NEXT_STEP = f"Give a CSV with the columns {COLUMNS}: a first line 'file,label,patient', then one line for each file."


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    file: str
    label: str
    patient: str | None
    more: dict[str, str] = field(default_factory=dict)  # its other cells that hold something, by column


def labelled_files(root: Path, labels: Path, progress: Progress) -> Listing:
    """List the files of `root` that the CSV `labels` names. The patient is the CSV's, or else the DICOM file's.

    Raises `DataError` where the CSV is missing, unreadable, lacks a column, gives one file two labels, names a file
    outside `root`, or none that is there; and where there are too few classes or pictures.
    """
    rows, notices = read_rows(labels)
    tree = walk(root)
    there = {"/".join(parts): parts for parts in tree.files}
    found: dict[tuple[str, ...], Row] = {}
    missing: list[str] = []
    for row in rows:
        parts = _find(row.file, there)
        if parts is None:
            missing.append(row.file)
        else:
            found[parts] = row
    if not found:
        raise DataError(
            f"None of the {len(rows):,} files that {labels.name!r} names is in {root.name!r}; the first is {rows[0].file!r}.",
            next_step="Write the files' names as they are in the folder, with their subfolders.",
        )
    if missing:
        notices.append(f"Left out: files named in the CSV that are not there ({len(missing):,}): {_some(missing)}.")
    unnamed = [name for name, parts in there.items() if parts not in found and root / name != labels]
    if unnamed:
        notices.append(f"Left out: files that the CSV does not name ({len(unnamed):,}): {_some(unnamed)}.")
    check_classes(Counter(row.label for row in found.values()), labels.name)
    classes = sorted({row.label for row in found.values()})
    frames: Counter[str] = Counter()
    columns: dict[str, dict[str, str]] = {}
    items = tuple(_items(tree, found, classes, frames, columns, progress))
    if frames:
        notices.append(f"Of files with several frames, the middle one is used ({len(frames):,}): {_some(list(frames))}.")
    return Listing(items, tuple(classes), (*notices, *tree.notices()), columns)


def read_rows(labels: Path) -> tuple[list[Row], list[str]]:
    """Read the CSV, in UTF-8, UTF-16 or Windows' encoding, separated by comma, semicolon or tab; rows and notices."""
    lines = csv.reader(io.StringIO(text := _text(labels), newline=""), delimiter=_separator(text), strict=True)
    try:
        table = [line for line in lines if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise DataError(f"{labels.name!r} is no sound CSV: {error} (line {lines.line_num}).", next_step=_NEXT_STEP) from error
    header = [cell.strip().lower() for cell in table[0]] if table else []
    lacking = [name for name in ("file", "label") if name not in header]
    if lacking or len(set(header)) < len(header):
        what = f"lacks the column {' and '.join(lacking)}" if lacking else "names a column twice"
        raise DataError(
            f"{labels.name!r} {what}; its first line is {_some(table[0]) if table else 'empty'}.", next_step=_NEXT_STEP
        )
    notices = []
    others = [name for name in header if name and name not in ("file", "label", "patient")]
    if others:
        notices.append(f"Columns that training does not see, and that a finished run can be split by: {_some(others)}.")
    kept = others[:MAX_COLUMNS]
    rows: dict[str, Row] = {}
    incomplete = repeated = 0
    for line in table[1:]:
        cells = {name: cell.strip() for name, cell in zip(header, line, strict=False)}
        more = {name: cells[name] for name in kept if cells.get(name)}
        row = Row(cells.get("file", ""), cells.get("label", ""), cells.get("patient") or None, more)
        if not row.file or not row.label:
            incomplete += 1
            continue
        earlier = rows.setdefault(row.file, row)
        repeated += earlier is not row
        if earlier.label != row.label:
            raise DataError(
                f"{labels.name!r} gives the file {row.file!r} two labels, {earlier.label!r} and {row.label!r}.",
                next_step="Keep one line for each file.",
            )
    if not rows:
        raise DataError(f"{labels.name!r} has no line with a file and a label.", next_step=_NEXT_STEP)
    if incomplete:
        notices.append(f"Left out: lines of the CSV without a file or a label ({incomplete:,}).")
    if repeated:
        notices.append(f"Counted once: files that the CSV names again with the same label ({repeated:,}).")
    return list(rows.values()), notices


def _text(labels: Path) -> str:
    try:
        with open(labels, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise DataError(f"There is no CSV of labels at {str(labels)!r}.", next_step=_NEXT_STEP) from error
    except OSError as error:
        raise DataError(f"The CSV {labels.name!r} cannot be read: {error.strerror or error}.", next_step=_NEXT_STEP) from error
    if len(content) > MAX_BYTES or b"\0" in content.lstrip(b"\xff\xfe\0")[:1000:2]:
        raise DataError(f"{labels.name!r} is not a CSV of at most {MAX_BYTES / 1e6:.0f} MB.", next_step=_NEXT_STEP)
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _separator(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)  # the first of equals: a comma


def _find(name: str, there: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The file that a line of the CSV means: by its name, or by its name without .dcm."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        raise DataError(
            f"The CSV names {name!r}, which is not a name inside the folder.",
            next_step="Write names relative to the folder, without '..'.",
        )
    return there.get(str(path)) or there.get(f"{path}.dcm")


def _items(
    tree: Tree,
    found: dict[tuple[str, ...], Row],
    classes: list[str],
    frames: Counter[str],
    columns: dict[str, dict[str, str]],
    progress: Progress,
) -> Iterator[Item]:
    """The items; files with several frames are counted in `frames`, and what else is told of any goes to `columns`."""
    index = {name: i for i, name in enumerate(classes)}
    for done, (parts, row) in enumerate(sorted(found.items())):
        if done % 50 == 0:
            progress("Reading the folder", done, len(found), "files")
        path = tree.root.joinpath(*parts)
        picture = parts[-1].lower().endswith(pictures.SUFFIXES)
        patient, name, more = row.patient, readable("/".join(parts)), dict(row.more)
        if not picture:
            with contextlib.suppress(DataError):  # one damaged file is reported when it is decoded, with all the others
                head = dicom.header(path)
                patient, more = patient or head.patient, head.columns | more
                if head.frames > 1:
                    frames["/".join(parts)] = head.frames
        for column, value in more.items():
            columns.setdefault(column, {})[name] = value
        yield Item(
            id=name,
            read=partial(pictures.decode if picture else dicom.decode, path),
            label=index[row.label],
            digest=digest_of(path),
            patient=patient,
            file=path,
        )


def _some(names: list[str]) -> str:
    return ", ".join(repr(name[:80]) for name in names[:3]) + (", ..." if len(names) > 3 else "")
