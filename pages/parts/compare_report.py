"""Taking a comparison away: CSV of every run, JSON of everything, a report in one file."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from tlcore.compare.folder import Comparison, Contents
from tlcore.compare.outcomes import Filled
from tlcore.figures.compare_names import Names
from tlcore.figures.compare_report import report
from tlcore.figures.compare_told import as_csv, told


def downloads(comparison: Comparison, contents: Contents, filled: Sequence[Filled], names: Names, metric: str) -> None:
    """Draw the three buttons; what they hand out is made when they are pressed."""
    st.subheader("Take it with you")
    line = st.container(horizontal=True)
    line.download_button(
        "Report (HTML)",
        lambda: report(comparison, metric, names),
        file_name=f"{comparison.id}.html",
        mime="text/html",
        icon=":material/article:",
        on_click="ignore",
        disabled=not any(one.outcome is not None for one in filled),
        help="One file with figures, table, specs and versions, that opens anywhere. For a PDF, open it in a browser and print "
        "it to one: it is laid out for A4.",
    )
    line.download_button(
        "Runs (CSV)",
        lambda: as_csv(contents, filled),
        file_name=f"{comparison.id}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    line.download_button(
        "Everything (JSON)",
        lambda: json.dumps(told(comparison, metric, names), indent=1),
        file_name=f"{comparison.id}.json",
        mime="application/json",
        icon=":material/data_object:",
        on_click="ignore",
    )
    st.caption("This page's address is its link: whoever reaches this server sees the same comparison, as it fills in.")
