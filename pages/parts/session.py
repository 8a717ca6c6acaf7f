"""What every page needs of the rest: the engine, the run in view, and errors as sentences."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st

from pages.parts.text import plain
from tlcore.engine import LocalEngine
from tlcore.errors import ThawError
from tlcore.runs import Run, open_run
from tlcore.settings import runs_dir

_IN_VIEW = "run-in-view"


@st.cache_resource(show_spinner=False)
def _engine(folder: str) -> LocalEngine:
    return LocalEngine(runs_dir())


def engine() -> LocalEngine:
    """The engine of this server's folder of runs, one for all sessions."""
    return _engine(str(runs_dir()))


def put_in_view(run_id: str) -> None:
    """Remember the run that this session looks at, for the sidebar's foot."""
    st.session_state[_IN_VIEW] = run_id


def run_in_view() -> Run | None:
    """The run that this session looked at last, or None where there is none (any more)."""
    run_id = st.session_state.get(_IN_VIEW)
    if run_id is None:
        return None
    try:
        return open_run(runs_dir(), run_id)
    except ThawError:
        del st.session_state[_IN_VIEW]
        return None


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Say a `ThawError` raised inside as its two sentences; whatever else goes wrong stays an error."""
    try:
        yield
    except ThawError as error:
        say(error.message, error.next_step)


def say(message: str, next_step: str = "") -> None:
    """An error as people read it: what is wrong, and what to do."""
    text = f"**{plain(message)}**  \n{plain(next_step)}" if next_step else plain(message)
    st.error(text, icon=":material/error:")
