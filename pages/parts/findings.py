"""What the quality checks found, the worst first: what it is, what to do, and which files."""

from __future__ import annotations

import csv
import io
from typing import Any

import streamlit as st

from pages.parts.as_csv import inert
from pages.parts.text import plain
from tlcore.figures.words import count, listing, times

_ICONS = {"problem": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}
_WORDS = {"problem": "problem", "warning": "warning", "info": "remark"}
_LOOKED_FOR = (
    "unreadable files, exact and near duplicates, patients on both sides of the split, images of one colour, tiny classes and "
    "giveaways in the files themselves"
)


def findings(run_id: str, found: list[dict[str, Any]]) -> None:
    """Draw the findings, or say that nothing was found and what was looked for."""
    if not found:
        st.success(f"Nothing was found to worry about. Looked for: {_LOOKED_FOR}.", icon=":material/check_circle:")
        return
    tally = [
        times(number, word)
        for severity, word in _WORDS.items()
        if (number := sum(finding["severity"] == severity for finding in found))
    ]
    st.markdown(f"**Found: {listing(tally)}.**")
    for finding in found:
        _one(finding)
    rows = [row for finding in found for row in _rows(finding)]
    if rows:
        st.download_button(
            "Download the files concerned",
            _csv([["finding", "file", "its pair"], *rows]),
            file_name=f"{run_id}-findings.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _one(finding: dict[str, Any]) -> None:
    with st.container(border=True):
        st.markdown(f"{_ICONS[finding['severity']]} **{plain(finding['title'])}**  \n{plain(finding['detail'])}")
        st.markdown(f"**What to do:** {plain(finding['what_to_do'])}")
        named = [[file, ""] for file in finding["files"]] + list(finding["pairs"])
        if named:
            some = "" if len(named) >= finding["count"] else f", the first {count(len(named))}"
            with st.expander(f"Which files{some}"):
                st.markdown(
                    "\n".join(f"- {plain(first)}{'  =  ' + plain(second) if second else ''}" for first, second in named)
                )


def _rows(finding: dict[str, Any]) -> list[list[str]]:
    return [[finding["kind"], file, ""] for file in finding["files"]] + [[finding["kind"], *pair] for pair in finding["pairs"]]


def _csv(rows: list[list[str]]) -> str:
    """Rows as CSV. A name that a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    csv.writer(text).writerows([[inert(cell) for cell in row] for row in rows])
    return text.getvalue()
