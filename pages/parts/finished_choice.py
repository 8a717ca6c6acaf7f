"""Finished runs to choose from: by name, and as a list in which those that were asked already come first."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

import streamlit as st

from pages.parts.summary import Summary, summaries
from tlcore.figures.words import times
from tlcore.spec import RunSpec

LINES = 8  # of the list that are in sight at once
Runs = Sequence[tuple[Summary, RunSpec]]


def finished_runs() -> list[tuple[Summary, RunSpec]]:
    """The training runs that can be asked, the newest first."""
    return [(run, run.spec) for run in summaries() if run.state == "done" and isinstance(run.spec, RunSpec)]


def choose_run(runs: Runs, *, key: str, icon: str) -> None:
    """A choice by name, and the button that brings the run into the page's address."""
    known = {summary.id: summary for summary, _ in runs}
    choice, go = st.columns([5, 1], vertical_alignment="bottom")
    run_id = choice.selectbox(
        "Finished run",
        list(known),
        format_func=lambda run_id: (
            f"{known[run_id].label}: {known[run_id].title}, {known[run_id].backbone}, {known[run_id].settings}"
        ),
        key=key,
    )
    if go.button("Look", type="primary", icon=icon, width="stretch"):
        st.query_params.from_dict({"run": run_id})
        st.rerun()


def list_runs(runs: Runs, asked: Container[str], line: Callable[[Summary], None]) -> None:
    """A `line` for each run, those in `asked` first and each kind the newest first; what is beyond eight is folded away."""
    ranked = [summary for summary, _ in sorted(runs, key=lambda pair: pair[0].id not in asked)]
    for summary in ranked[:LINES]:
        line(summary)
    if len(ranked) > LINES:
        with st.expander(times(len(ranked) - LINES, "more run", "more runs")):
            for summary in ranked[LINES:]:
                line(summary)
