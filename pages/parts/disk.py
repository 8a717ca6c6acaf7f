"""What runs and fetched files take on the disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import streamlit as st

from tlcore.figures.words import memory
from tlcore.settings import cache_dir, runs_dir


def disk() -> None:
    """Two sizes, and what may be removed."""
    st.subheader("Disk")
    runs, cache = st.columns(2)
    runs.metric("Runs", memory(_size(str(runs_dir()))))
    runs.caption("Deleting runs frees it; what is deleted goes for good after a week.")
    cache.metric("Fetched and prepared files", memory(_size(str(cache_dir()))))
    cache.caption("Weights, datasets and prepared images: all but uploads comes back when it is needed.")


@st.cache_data(ttl=60, show_spinner=False)
def _size(folder: str) -> int:
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # removed while we look
                total += (Path(where) / name).lstat().st_size
    return total
