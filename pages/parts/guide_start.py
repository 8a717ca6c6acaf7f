"""Starting what is advised: the button, or the run where there is one, the time it takes, and the way to the Train form."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import streamlit as st

from pages.parts.guide_choice import Subject
from pages.parts.session import engine, put_in_view, told
from pages.parts.statewords import STATE_ICONS, STATE_WORDS
from pages.parts.text import plain
from tlcore.compare.known import KnownRuns
from tlcore.compare.pace import Paces
from tlcore.errors import SpecError
from tlcore.figures.words import duration
from tlcore.settings import runs_dir
from tlcore.spec import RunSpec


@dataclass(frozen=True)
class Standing:
    """What has run here already, and how fast."""

    known: KnownRuns
    paces: Paces


def standing(subject: Subject) -> Standing:
    """One look at the folder of runs."""
    known = KnownRuns(runs_dir())
    return Standing(known, Paces(known, {subject.data.dataset: subject.card}))


def start(subject: Subject, strategy: str, here: Standing, *, key: str, words: str = "Start", primary: bool = True) -> None:
    """Draw the button that submits the run and shows it; where that run is there already, the link to it."""
    spec = subject.run(strategy)
    if (there := here.known.find(spec)) is not None:
        label, icon = STATE_WORDS[there.state], STATE_ICONS[there.state]
        st.page_link("train.py", label=f"{label}: see it", icon=icon, query_params={"run": there.run.id}, width="stretch")
        return
    kind = "primary" if primary else "secondary"
    if st.button(words, key=key, type=kind, icon=":material/play_arrow:", width="stretch"):
        with told():
            run = engine().submit(spec)
            put_in_view(run.id)
            st.switch_page("train.py", query_params={"run": run.id})


def open_in_form(subject: Subject, strategy: str) -> None:
    """The link to the Train form filled in with this run."""
    with contextlib.suppress(SpecError):  # the form has no controls for it
        link = subject.form_link(subject.run(strategy))
        st.page_link("train.py", label="Open in the Train form", icon=":material/tune:", query_params=link, width="stretch")


def takes(spec: RunSpec, here: Standing) -> str:
    """How long it takes on this machine, where anything is known about that."""
    pace = here.paces.of(spec)
    if pace is None:
        return ""
    return plain(f"About {duration(pace.seconds(spec.epochs))} here, judged by {pace.source}.")
