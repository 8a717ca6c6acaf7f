"""The table of runs: filters that are part of the link, small curves, and the choice of some of them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from pages.parts.statewords import STATE_WORDS
from pages.parts.summary import Summary
from tlcore.figures.words import METRICS, duration, interval, measured_interval, times

_ALL = "All datasets"
_ROW_HEIGHT = 68  # three lines
# Together as wide as the page is on a screen of 1280 px: no column waits beyond the edge. A phone shows the first three.
_COLUMNS = {
    "State": st.column_config.TextColumn(help="How it stands, and the end of its id.", width=78),
    "Strategy": st.column_config.TextColumn(width=92),
    "Accuracy": st.column_config.TextColumn(help=f"{METRICS['accuracy'][1]} Test split, with its 95 % interval.", width=82),
    "Dataset": st.column_config.TextColumn(width=110),
    "Backbone": st.column_config.TextColumn(width=122),
    "Settings": st.column_config.TextColumn(help="Length, images, seed, and what else is not as usual.", width=122),
    "By epoch": st.column_config.LineChartColumn(
        "Curve", help="Validation accuracy by epoch, 0 to 100 %.", y_min=0, y_max=1, width=54
    ),
    "AUROC": st.column_config.TextColumn(help=f"{METRICS['auroc'][1]} Test split, with its 95 % interval.", width=82),
    "Took": st.column_config.TextColumn(width=50),
    "Started": st.column_config.DatetimeColumn(format="distance", width=112),
}


def filters(everything: list[Summary]) -> list[Summary]:
    """Draw the filters and return the runs that pass all of them. What is set is in the address, so a link keeps it."""
    text, state, dataset = st.columns([2, 3, 2], vertical_alignment="bottom")
    words = text.text_input(
        "Find",
        key="find",
        bind="query-params",
        placeholder="backbone, dataset, strategy, id",
        icon=":material/search:",
        max_chars=100,
    )
    present = [name for name in STATE_WORDS if any(summary.state == name for summary in everything)]
    states = state.pills("State", present, format_func=STATE_WORDS.__getitem__, selection_mode="multi")
    names = sorted({summary.dataset for summary in everything})
    chosen = dataset.selectbox("Dataset", [_ALL, *names])
    return [
        summary
        for summary in everything
        if (not states or summary.state in states)
        and chosen in (_ALL, summary.dataset)
        and all(word in _searchable(summary) for word in words.lower().split())
    ]


def choose(shown: list[Summary]) -> list[Summary]:
    """Draw the table and return the runs that are ticked in it, or the one that the link names."""
    if not shown:
        st.markdown("No run passes these filters. Clear one of them.")
        return []
    ids = [summary.id for summary in shown]
    # The choice is by row: a table of other runs is another table, so that a tick never slips to another run.
    key = "runs-" + hashlib.sha256(" ".join(ids).encode()).hexdigest()[:12]
    event = st.dataframe(
        table(shown),
        key=key,
        hide_index=True,
        column_config=_COLUMNS,
        column_order=list(_COLUMNS),
        row_height=_ROW_HEIGHT,
        on_select="rerun",
        selection_mode="multi-row",
    )
    st.caption(f"{times(len(shown), 'run')}. Tick some to open, export or delete them; the table's corner has a download.")
    ticked = [shown[row] for row in event["selection"]["rows"] if row < len(shown)]
    return ticked or [summary for summary in shown if summary.id == st.query_params.get("run")]


def table(shown: list[Summary]) -> pd.DataFrame:
    """The runs as people read them, a row each."""
    return pd.DataFrame(
        {
            "State": [f"{STATE_WORDS[s.state]} {s.label}" for s in shown],
            "Strategy": [s.strategy for s in shown],
            "Dataset": [s.dataset for s in shown],
            "Backbone": [s.backbone for s in shown],
            "Settings": [s.settings for s in shown],
            "By epoch": [list(s.curve) for s in shown],
            "Accuracy": [interval(s.accuracy) if s.accuracy else "" for s in shown],
            "AUROC": [measured_interval("auroc", s.auroc) if s.auroc else "" for s in shown],
            "Took": [duration(s.seconds) if s.seconds is not None else "" for s in shown],
            "Started": [_when(s) for s in shown],
            "Run": [s.id for s in shown],
        }
    )


def _when(summary: Summary) -> datetime:
    return datetime.fromtimestamp(summary.status.started_at or summary.status.queued_at, UTC)


def _searchable(summary: Summary) -> str:
    words = (summary.strategy, summary.spec.backbone, summary.backbone, summary.dataset, summary.settings)
    parts = (summary.id, *words, STATE_WORDS[summary.state])
    return " ".join(parts).lower()
