"""What runs and what waits, on every lane, with places and cancel."""

from __future__ import annotations

import streamlit as st

from pages.parts.session import engine, told
from pages.parts.statewords import STATE_ICONS
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.figures.words import duration

TICK_SECONDS = 3.0
KINDS = (
    *("train", "check", "measure", "dial", "shift", "find-rate", "layers", "forgetting", "blend", "explain", "export"),
    *("transferability", "transferability-cost"),
)


def in_hand() -> tuple[list[Summary], list[Summary]]:
    """What runs now and what waits, of every kind; the next in line first."""
    everything = [summary for kind in KINDS for summary in summaries(kind)]
    by_id = {summary.id: summary for summary in everything}
    waiting = [by_id[run.id] for run in engine().queue() if run.id in by_id]
    return [summary for summary in everything if summary.state == "running"], waiting


def queue() -> None:
    """Draw the queue; it looks again every few seconds."""
    st.subheader("The queue")
    _queue()


@st.fragment(run_every=TICK_SECONDS)
def _queue() -> None:
    running, waiting = in_hand()
    if not running and not waiting:
        st.caption("Nothing runs and nothing waits. Training and quick looks at data have a lane each, one job at a time.")
    for summary in running:
        _line(summary, f"running for {duration(summary.seconds or 0)}")
    for summary in waiting:
        waits_for = engine().waits_for(summary.id)
        _line(summary, f"place {engine().place(summary.id) or '–'}" if waits_for is None else waits_for)


def _line(summary: Summary, standing: str) -> None:
    name, where, stop = st.columns([5, 2, 1], vertical_alignment="center")
    name.markdown(f"{STATE_ICONS[summary.state]} {plain(summary.title)}")
    where.caption(standing)
    if stop.button("Cancel", key=f"cancel-{summary.id}", icon=":material/stop_circle:", type="tertiary"):
        with told():
            engine().cancel(summary.id)
        st.rerun(scope="fragment")
