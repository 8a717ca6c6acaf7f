"""A person's own pictures: a ZIP brought by the browser, or a folder below the data roots of the settings."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.parts.own_names import keep_name, own_name
from pages.parts.session import told
from tlcore.data.uploads import allowed, folders_below_roots, store
from tlcore.settings import data_roots, uploads_dir

_UPLOADED = "uploaded-datasets"  # this session's: {path: the id of the browser's file}
_NO_TABLE = "No table: the folders are the classes"


def pick_own(linked: str | None, linked_labels: str | None) -> tuple[str | None, str | None]:
    """Draw the ways to bring data; returns the dataset's path and its table of labels, or None while there is none."""
    bring, pick = st.columns(2, gap="large")
    with bring:
        _upload()
    with pick:
        path = _folder(linked)
        return path, _labels(path, linked_labels) if path else None


def _upload() -> None:
    file = st.file_uploader(
        "A ZIP with one folder per class",
        type="zip",
        help="Such as cats/1.png, cats/2.png, dogs/1.png. Folders train, val and test above them are kept as the split. "
        "It stays on this machine.",
    )
    if file is None:
        return
    uploaded: dict[str, str] = st.session_state.setdefault(_UPLOADED, {})
    if file.file_id in uploaded.values():
        return
    with told():
        path = store(file.name, file)
        keep_name(path, file.name)
        uploaded[str(path)] = file.file_id
        st.session_state["data-own"] = str(path)


def _folder(linked: str | None) -> str | None:
    uploaded: dict[str, str] = st.session_state.get(_UPLOADED, {})
    # Another person's uploads are not offered: an upload is reached by its own link or from the session that brought it.
    offered = [str(path) for path in folders_below_roots() if not path.is_relative_to(uploads_dir())]
    options = list(dict.fromkeys([*uploaded, *([linked] if linked else []), *offered]))
    if not options:
        st.markdown("Or a folder on this machine")
        st.caption(
            "None is offered: name the folders that hold your data in the setting THAW_DATA_ROOTS and start the server "
            "again, for example `THAW_DATA_ROOTS=/data/scans streamlit run app.py`."
        )
        return None
    if st.session_state.get("data-own") not in options:
        st.session_state["data-own"] = linked if linked in options else options[0]
    return st.selectbox("Or a folder on this machine", options, key="data-own", format_func=_short)


def _short(path: str) -> str:
    """The path as seen from its data root: what lies above is nobody's business."""
    for root in data_roots():
        if root != uploads_dir() and Path(path).is_relative_to(root):
            inside = Path(path).relative_to(root).as_posix()
            return root.name if inside == "." else f"{root.name}/{inside}"
    return own_name(path)


def _labels(path: str, linked: str | None) -> str | None:
    """For DICOM: the table of labels, one of the CSV files in the folder."""
    folder = Path(path)
    tables = sorted(str(table) for table in folder.glob("*.csv")) if folder.is_dir() else []
    if linked and linked not in tables:
        tables.append(linked)
    if not tables:
        return None
    chosen = st.selectbox(
        "Table of labels",
        [_NO_TABLE, *tables],
        index=1,
        format_func=lambda table: table if table == _NO_TABLE else Path(table).name,
        help="For a folder of DICOM files: a CSV with the columns file, label and, where known, patient.",
    )
    if chosen == _NO_TABLE:
        return None
    with told():
        return str(allowed(chosen))
    return None
