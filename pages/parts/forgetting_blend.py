"""Save the chosen point as a model: a short job, then the file and the lines that load it with timm alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from pages.parts.coming import show_coming
from pages.parts.forgetting_known import Looked
from pages.parts.measured import find
from pages.parts.session import engine, say, told
from pages.parts.text import plain
from tlcore.figures.words import memory
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import BlendSpec, make


def save_point(here: Looked, a: float, batchnorm: str) -> None:
    """The button for the point under the slider, the job while it runs, and its file; inside the slider's fragment."""
    spec = make(BlendSpec, run_id=here.run.id, a=a, batchnorm=batchnorm)
    run = find(runs_dir(), spec)
    status = run.status() if run is not None else None
    if run is not None and status is not None:
        if status.state in ("queued", "running"):
            _coming(run)
            return
        if status.state == "done" and (result := run.result()) is not None:
            _file(run, result)
            return
        if status.error:
            say(status.error["message"], status.error.get("next_step") or "")
    if st.button(
        f"Save a = {a:.2f} as a model",
        icon=":material/save:",
        key=f"forgetting-save-{here.run.id}",
        help="All tensors in one safetensors file that plain timm loads. It takes some seconds.",
    ):
        with told():
            engine().submit(spec)
            st.rerun(scope="fragment")


@st.fragment(run_every=1.0)
def _coming(run: Run) -> None:
    if not run.path.exists() or run.status().state not in ("queued", "running"):
        st.rerun()
    show_coming(run, run.events()[0], key="forgetting-blend")


def _file(run: Run, result: Mapping[str, Any]) -> None:
    name = PurePosixPath(result["file"]).name
    file = run.path / name
    if not file.is_file():
        st.caption("This point was saved, but its file is not here any more.")
        return
    st.caption(plain(f"a = {result['a']:.2f}, BatchNorm statistics {result['batchnorm']}: {name}, {memory(result['bytes'])}."))
    st.code(result["load"], language="python")
    st.download_button(
        "Download the model",
        lambda: file.read_bytes(),
        f"{result['run']}-a{100 * result['a']:.0f}.safetensors",
        "application/octet-stream",
        icon=":material/download:",
        key=f"forgetting-file-{run.id}",
        on_click="ignore",
    )
    st.caption(f"SHA-256 `{result['sha256']}`")
