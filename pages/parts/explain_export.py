"""The model itself, to take along: as safetensors that plain timm loads in three lines, and as ONNX, checked on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

import streamlit as st

from pages.parts.coming import show_coming
from pages.parts.measured import find
from pages.parts.session import engine, say, told
from pages.parts.statewords import EXPORT_NAMES
from pages.parts.text import plain
from tlcore.figures.words import memory, times
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import ExportSpec, make

Format = Literal["safetensors", "onnx"]
_ABOUT: Mapping[Format, str] = {
    "safetensors": "All tensors under timm's own names. Plain timm loads it in three lines, without Thaw.",
    "onnx": "For any ONNX runtime, without Python if need be. It then answers test images beside the original.",
}


def export(run: Run) -> None:
    """Both files of a finished training run: a button each, the job while it runs, then the file and the lines that load it."""
    st.markdown("Take the network along. Its file holds the weights that the run ended with, and no picture.")
    for column, form in zip(st.columns(2, gap="large"), _ABOUT, strict=True):
        with column, st.container(border=True):
            st.markdown(f"**As {EXPORT_NAMES[form]}**")
            st.caption(_ABOUT[form])
            _one(run, form)


def _one(run: Run, form: Format) -> None:
    spec = make(ExportSpec, run_id=run.id, format=form)
    job = find(runs_dir(), spec)
    if job is not None:
        status, result = job.status(), job.result()
        if status.state in ("queued", "running"):
            _coming(job, form)
            return
        if status.state == "done" and result is not None:
            _file(job, result)
            return
        if status.error:
            say(status.error["message"], status.error.get("next_step") or "")
    label = f"Write it as {EXPORT_NAMES[form]}"
    if st.button(label, icon=":material/save:", key=f"explain-export-{form}", help="It takes some seconds."):
        with told():
            engine().submit(spec)
            st.rerun()


@st.fragment(run_every=1.0)
def _coming(job: Run, form: Format) -> None:
    if not job.path.exists() or job.status().state not in ("queued", "running"):
        st.rerun()
    show_coming(job, job.events()[0], key=f"explain-export-{form}", narrow=True)


def _file(job: Run, result: Mapping[str, Any]) -> None:
    name = PurePosixPath(result["file"])
    file = job.path / name.name
    if not file.is_file():
        st.caption("It was written, but its file is not here any more. Delete that job on the Runs page to write it again.")
        return
    st.code(result["load"], language="python", wrap_lines=True)
    side = result["image_size"]
    st.caption(plain(f"It takes {side} x {side} pixels. {result['scale']} It answers, in this order: {_classes(result)}."))
    if checked := result.get("checked"):
        st.caption(f":material/check: {plain(checked_words(checked))}")
    for notice in result["notices"]:
        st.caption(f":material/info: {plain(notice)}")
    st.download_button(
        f"Download {name.name} ({memory(result['bytes'])})",
        lambda: file.read_bytes(),
        name.name,  # as the lines above call it
        "application/octet-stream",
        icon=":material/download:",
        key=f"explain-export-file-{result['format']}",
        on_click="ignore",
    )
    st.caption(f"SHA-256 `{result['sha256']}`")


def checked_words(checked: Mapping[str, Any]) -> str:
    """How close the ONNX file's answers are to the original's."""
    pictures = "test images" if checked["on"] == "test images" else "pictures of noise"
    same = times(checked["same_answers"], "answer is", "answers are")
    return (
        f"Checked on {checked['images']} {pictures}: its logits are at most {checked['largest_difference']:.1g} from the "
        f"original's, which spread by {checked['spread']:.2g}. {same} the same."
    )


def _classes(result: Mapping[str, Any]) -> str:
    return ", ".join(result["classes"])
