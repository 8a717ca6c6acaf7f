"""A short job under way: how far it is, and Cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts.session import engine
from pages.parts.text import plain
from tlcore.runs import Run


def show_coming(run: Run, events: Sequence[Mapping[str, Any]], *, key: str, narrow: bool = False) -> None:
    """The bar of the job's last `progress` event and, beside it (below it where it is narrow), the button `KEY-cancel`."""
    share, words = 0.0, "Waiting for its turn…"
    if now := next((event for event in reversed(events) if event["type"] == "progress"), None):
        share = min(1.0, now["done"] / now["total"]) if now["total"] else 0.0
        counted = now["total"] and not narrow
        words = f"{now['what']}: {now['done']:,} of {now['total']:,} {now['unit']}" if counted else f"{now['what']}…"
    bar, stop = (st, st) if narrow else st.columns([6, 1], vertical_alignment="center")
    bar.progress(share, text=plain(words))
    width = "content" if narrow else "stretch"
    asked = run.cancel_requested()
    if stop.button("Cancel", icon=":material/stop:", key=f"{key}-cancel", width=width, disabled=asked):
        engine().cancel(run.id)
        st.rerun(scope="fragment")


@st.fragment(run_every=1.0)
def until_it_ends(run: Run, *, key: str, words: str) -> None:
    """A short job looked at every second until it has ended, its place in the queue, and below it what a person may rely on."""
    if not run.path.exists() or run.status().state not in ("queued", "running"):
        st.rerun()
    place = engine().place(run.id)
    if place is not None and place > 1:
        st.caption(f":material/hourglass_empty: Place {place} in the queue of short jobs.")
    show_coming(run, run.events()[0], key=key)
    st.caption(words)
