"""A person's own data as people and links name them: never by their content's hash, nor by where the server keeps them.

An uploaded ZIP is shown by the name that its file had and linked by a short id; a folder below a data root is shown and
linked as seen from that root. No Streamlit in here.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from tlcore.data.uploads import allowed
from tlcore.errors import DataError
from tlcore.files import write_atomically
from tlcore.settings import data_roots, uploads_dir

_ZIP = re.compile(r"([0-9a-f]{16})[0-9a-f]{16}\.zip")  # as tlcore/data/uploads.py names an upload, by its content
_UPLOAD = re.compile(r"upload-([0-9a-f]{16})")
_FOLDER = "own/"
_LONGEST = 80  # characters of a name that are kept


def keep_name(upload: Path, name: str) -> None:
    """Remember what the person's file was called. The same content brought again goes by its latest name."""
    write_atomically(_name_file(upload), " ".join(name.split())[-_LONGEST:])


def own_name(path: str) -> str:
    """What people call the data at `path`: the uploaded file's name, or the folder's; not yet safe for Markdown."""
    file = PurePosixPath(path)
    if not _ZIP.fullmatch(file.name):
        return file.name or path
    try:
        return _name_file(uploads_dir() / file.name).read_text(encoding="utf-8") or _unnamed(file.name)
    except (OSError, ValueError):
        return _unnamed(file.name)


def to_link(dataset: str) -> str:
    """What a link says for a dataset or a table of labels: a catalogued name as it is, else what `from_link` finds again."""
    path = Path(dataset)
    if not path.is_absolute():
        return dataset
    if path.parent == uploads_dir() and (match := _ZIP.fullmatch(path.name)):
        return f"upload-{match[1]}"
    for root in _named_roots():
        if path.is_relative_to(root):
            link = f"{_FOLDER}{root.name}/{path.relative_to(root).as_posix()}".removesuffix("/.")
            return link if _below_root(link) == path else dataset
    return dataset


def from_link(text: str) -> str:
    """The dataset that a link names: a path for what is a person's own, anything else as it is. Raises `DataError`.

    An id is compared with the uploads that are there, and a folder goes through `allowed`: no path is taken from the link.
    """
    if match := _UPLOAD.fullmatch(text):
        folder = uploads_dir()
        found = [path for path in folder.iterdir() if _ZIP.fullmatch(path.name)] if folder.is_dir() else []
        kept = next((path for path in found if path.name.startswith(match[1])), None)
        if kept is None:
            raise DataError("The uploaded ZIP of this link is not here (any more).", next_step="Upload it on the Data page.")
        return str(kept)
    if text.startswith(_FOLDER):
        folder = _below_root(text)
        if folder is None:
            raise DataError(
                "The folder of this link is not in a folder that may be used from the browser.",
                next_step="Choose one of the folders offered on the Data page, or name its parent in THAW_DATA_ROOTS.",
            )
        return str(folder)
    return text


def _below_root(link: str) -> Path | None:
    """The folder that `own/ROOT/INSIDE` means: in the first data root of that name that has it and lets it be used."""
    name, _, inside = link.removeprefix(_FOLDER).partition("/")
    for root in _named_roots():
        if root.name == name:
            try:
                return allowed(root / inside)
            except DataError:
                continue
    return None


def _named_roots() -> list[Path]:
    return [root for root in data_roots() if root != uploads_dir() and root.name]


def _name_file(upload: Path) -> Path:
    return upload.with_suffix(".name")


def _unnamed(zip_name: str) -> str:
    return f"uploaded ZIP {zip_name[:6]}"
