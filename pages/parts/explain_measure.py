"""The explain job about a run: under way, ended without an answer, or still to be asked for."""

from __future__ import annotations

import streamlit as st

from pages.parts.coming import until_it_ends
from pages.parts.explain_form import form
from pages.parts.explain_known import Explained, tests_only
from pages.parts.session import say
from pages.parts.statewords import STATE_WORDS
from pages.parts.summary import Summary
from pages.parts.text import plain


def measure(here: Explained) -> None:
    """The newest job for maps where it is under way; else the form, and why the last one ended without an answer."""
    asked = next((job for job in here.jobs if not tests_only(job.spec)), None)
    if asked is not None and asked.state in ("queued", "running"):
        until_it_ends(asked.run, key="explain", words="It goes on if you leave this page, which then shows what it found.")
        return
    if asked is not None:
        ended_badly(asked, "The last explanation")
    if here.shown is not None:
        with st.expander("Explain again, with other settings", icon=":material/tune:"):
            form(here, "Explain")
        return
    with st.container(border=True):
        st.markdown(
            "**Explain it**: maps of what its answers rest on, for the images that it is surest, wrongest and least certain "
            "about. Nothing of the run changes."
        )
        form(here, "Explain")


def ended_badly(job: Summary, name: str) -> None:
    """Say why a job ended without an answer; nothing of one that is done."""
    error = job.status.error
    if job.state == "failed" and error:
        say(error["message"], error.get("next_step") or "")
    elif job.state in ("failed", "cancelled", "lost"):
        st.caption(f":material/info: {name} was {plain(STATE_WORDS[job.state].lower())} before it had answered.")
