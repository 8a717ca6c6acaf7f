"""Earlier comparisons, a line each."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from pages.parts.session import told
from pages.parts.statewords import dataset_name
from pages.parts.text import plain
from tlcore.compare.folder import Comparison, all_comparisons, delete, restore
from tlcore.compare.outcomes import fill
from tlcore.errors import ThawError
from tlcore.figures.compare_names import Names
from tlcore.figures.words import times
from tlcore.settings import runs_dir

LINES = 12
_DELETED = "compare-deleted"


def earlier() -> None:
    """Draw the list, or what to do where there is none."""
    found = list(all_comparisons(runs_dir()))
    st.subheader("Earlier comparisons")
    _undo()
    if not found:
        st.caption(
            "None yet. Choose strategies above and start: results fill in as they come, and the comparison stays here, "
            "to be opened, added to or sent as a link."
        )
    for comparison in found[:LINES]:
        _line(comparison)
    if len(found) > LINES:
        with st.expander(f"{times(len(found) - LINES, 'older one')}"):
            for comparison in found[LINES:]:
                _line(comparison)


def delete_button(comparison: Comparison) -> None:
    """Delete a comparison; the list then offers to take it back."""
    if st.button("Delete this comparison", icon=":material/delete:", type="tertiary", help="Its runs stay. Can be undone."):
        delete(comparison)
        st.session_state[_DELETED] = comparison.id
        st.query_params.clear()
        st.rerun()


def _undo() -> None:
    deleted = st.session_state.get(_DELETED)
    if deleted is None:
        return
    line = st.container(horizontal=True, vertical_alignment="center")
    line.markdown(":material/delete: 1 comparison deleted; its runs are still there.")
    if line.button("Undo", icon=":material/undo:"):
        del st.session_state[_DELETED]
        with told():
            restore(runs_dir(), deleted)
        st.rerun()


def _line(comparison: Comparison) -> None:
    try:
        contents = comparison.read()
        states = [one.state for one in fill(contents, runs_dir())]
    except (ThawError, OSError, ValueError, KeyError, TypeError):  # of another version, or deleted just now
        return
    name, when, standing = st.columns([6, 2, 2], vertical_alignment="center")
    title = plain(Names(contents.spec, dataset_name).title())
    name.page_link("compare.py", label=title, icon=":material/compare:", query_params={"comparison": comparison.id})
    when.caption(datetime.fromtimestamp(contents.made, UTC).strftime("%d %b %Y, %H:%M UTC"))
    active = sum(state in ("queued", "running") for state in states)
    tail = f", {active} to come" if active else ""
    standing.caption(f"{states.count('done')} of {times(len(states), 'run')} done{tail}")
