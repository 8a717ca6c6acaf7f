"""The newest runs, a line each."""

from __future__ import annotations

import streamlit as st

from pages.parts.statewords import STATE_ICONS, STATE_WORDS
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.figures.words import interval

LINES = 5
TICK_SECONDS = 5.0


def recent() -> None:
    """Draw the newest runs with where they stand, or what to do where there are none."""
    newest = _newest()
    if not newest:
        st.caption("Nothing has run here yet. Start one of the three above: its files are fetched first, then it trains.")
        return
    _lines(any(summary.state in ("queued", "running") for summary in newest))


def _newest() -> list[Summary]:
    """Those that were refused before they trained, for data that cannot be used say, are on the Runs page alone."""
    return [summary for summary in summaries() if not summary.refused][:LINES]


def _lines(active: bool) -> None:
    @st.fragment(run_every=TICK_SECONDS if active else None)
    def lines() -> None:
        for summary in _newest():
            _line(summary)
        st.page_link("runs.py", label="All runs", icon=":material/view_list:")

    lines()


def _line(summary: Summary) -> None:
    name, backbone, standing = st.columns([4, 4, 3], vertical_alignment="center")
    name.page_link("train.py", label=plain(summary.title), icon=STATE_ICONS[summary.state], query_params={"run": summary.id})
    backbone.caption(plain(f"{summary.backbone}, {summary.settings}"))
    standing.caption(f"accuracy {interval(summary.accuracy)}" if summary.accuracy else STATE_WORDS[summary.state])
