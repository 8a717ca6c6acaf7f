"""Forget this picture: its pixels and all that was asked about it are removed from this machine, at once and for good."""

from __future__ import annotations

import streamlit as st

from pages.parts.layer_files import forget_arrays
from pages.parts.session import told
from tlcore.explain.forget import forget_picture
from tlcore.figures.words import times
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import ExplainSpec

_FORGOTTEN = "explain-own-forgotten"


def forget_button(job: Run) -> None:
    """The button for the picture of an explain job."""
    spec = job.spec()
    assert isinstance(spec, ExplainSpec)
    assert spec.picture is not None
    st.divider()
    button, words = st.columns([2, 5], vertical_alignment="center")
    words.caption(
        "Removes the pixels, the maps and every answer about them, of all runs, from this machine. There is no undo; the file "
        "that you brought stays where you have it."
    )
    if button.button("Forget this picture", icon=":material/delete_forever:", key="explain-own-forget", width="stretch"):
        with told():
            jobs = forget_picture(runs_dir(), spec.picture)
            forget_arrays()
            st.session_state[_FORGOTTEN] = f"The picture is forgotten, and {times(jobs, 'answer')} about it with it."
            st.query_params["run"] = spec.run_id
            st.query_params.pop("picture", None)
            st.rerun()


def forgotten() -> None:
    """Say once that it was done."""
    if words := st.session_state.pop(_FORGOTTEN, None):
        st.success(words, icon=":material/check_circle:")
