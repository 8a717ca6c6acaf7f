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
