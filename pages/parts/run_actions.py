"""What can be done with the chosen runs: open, repeat with changes, compare, export, resume, cancel, delete and its undo."""

from __future__ import annotations

import io
import zipfile

import streamlit as st

from pages.parts.looked_at import card_of
from pages.parts.session import engine, put_in_view, told
from pages.parts.statewords import STATE_ICONS, STATE_WORDS
from pages.parts.summary import Summary
from pages.parts.text import plain
from tlcore.compare.expand import expand
from tlcore.compare.folder import create
from tlcore.compare.spec import of_runs
from tlcore.figures.words import times
from tlcore.runs import delete, restore
from tlcore.settings import runs_dir
from tlcore.spec import RunSpec

_DELETED = "runs-deleted"


def actions(chosen: list[Summary]) -> None:
    """Draw the bar for the chosen runs; an action that does not apply is disabled and says why."""
    if not chosen:
        return
    with st.container(border=True):
        if len(chosen) == 1:
            _about(chosen[0])
        else:
            st.markdown(f"**{times(len(chosen), 'run')}** chosen")
        bar = st.container(horizontal=True)
        if len(chosen) == 1:
            _for_one(bar, chosen[0])
        _for_all(bar, chosen)


def _about(summary: Summary) -> None:
    name = f"{STATE_ICONS[summary.state]} **{plain(summary.title)}**"
    st.markdown(f"{name}: {STATE_WORDS[summary.state].lower()}")
    st.caption(plain(f"{summary.backbone}, {summary.settings}. Run {summary.id}"))
    if summary.state == "lost":
        st.caption("Its process ended before the run did. Resume goes on from the last checkpoint, with the same numbers.")
    if summary.status.error:
        st.caption(plain(f"{summary.status.error['message']} {summary.status.error['next_step']}"))


def _for_one(bar, summary: Summary) -> None:
    if bar.button("Open", icon=":material/open_in_full:", type="primary"):
        put_in_view(summary.id)
        st.switch_page("train.py", query_params={"run": summary.id})
    if bar.button("Repeat with changes", icon=":material/tune:", help="Opens Train with this run's choices filled in."):
        st.switch_page("train.py", query_params={"from": summary.id})
    if summary.state == "lost" and bar.button("Resume", icon=":material/play_arrow:"):
        with told():
            engine().resume(summary.id)
            put_in_view(summary.id)
            st.switch_page("train.py", query_params={"run": summary.id})


def _for_all(bar, chosen: list[Summary]) -> None:
    name = f"{chosen[0].id}.zip" if len(chosen) == 1 else f"thaw-{len(chosen)}-runs.zip"
    bar.download_button(
        "Export", lambda: export(chosen), file_name=name, mime="application/zip", icon=":material/download:", on_click="ignore"
    )
    if len(chosen) > 1:
        _compare(bar, chosen)
    active = [summary for summary in chosen if summary.state in ("queued", "running")]
    if active and bar.button("Cancel", icon=":material/stop_circle:"):
        with told():
            for summary in active:
                engine().cancel(summary.id)
            st.rerun()
    if bar.button(
        "Delete",
        icon=":material/delete:",
        disabled=bool(active),
        help="A run that waits or runs is cancelled first." if active else "Can be undone for a week.",
    ):
        with told():
            for summary in chosen:
                delete(runs_dir(), summary.id)
            st.session_state[_DELETED] = [summary.id for summary in chosen]
            st.query_params.pop("run", None)
            st.rerun()


def _compare(bar, chosen: list[Summary]) -> None:
    """A comparison of the chosen runs: the grid that holds them, with what is done filled in and nothing started."""
    if bar.button("Compare", icon=":material/compare:", help="With intervals and paired differences; starts no run."):
        with told():
            spec = of_runs([summary.spec for summary in chosen if isinstance(summary.spec, RunSpec)])
            expansion = expand(spec, {name: card_of(name, spec.run.labels) for name in spec.datasets})
            comparison = create(runs_dir(), spec, expansion)
            comparison.adopt()
            st.switch_page("compare.py", query_params={"comparison": comparison.id})


def undo() -> None:
    """After a delete: say so, and offer to take it back."""
    deleted = st.session_state.get(_DELETED)
    if not deleted:
        return
    line = st.container(horizontal=True, vertical_alignment="center")
    line.markdown(f":material/delete: {times(len(deleted), 'run')} deleted.")
    if line.button("Undo", icon=":material/undo:"):
        with told():
            for run_id in deleted:
                restore(runs_dir(), run_id)
        del st.session_state[_DELETED]
        st.rerun()


def export(chosen: list[Summary]) -> bytes:
    """The folders of the chosen runs as one ZIP."""
    if len(chosen) == 1:
        return chosen[0].run.export()
    together = io.BytesIO()
    with zipfile.ZipFile(together, "w", zipfile.ZIP_DEFLATED) as archive:
        for summary in chosen:
            with zipfile.ZipFile(io.BytesIO(summary.run.export())) as single:
                for name in single.namelist():
                    archive.writestr(name, single.read(name))
    return together.getvalue()
