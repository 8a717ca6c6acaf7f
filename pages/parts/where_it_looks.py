"""On a finished run's page: the way to the maps of what its answers rest on."""

from __future__ import annotations

import streamlit as st

from tlcore.runs import Run


def where_it_looks(run: Run) -> None:
    """The question, and the link to the Explain page."""
    st.header("Where it looks")
    st.caption("Is it right for the right reason? Maps of what its answers rest on, and tests of whether to believe them.")
    st.page_link(
        "explain.py",
        label="Where it looks, before and after, and in your own picture",
        icon=":material/visibility:",
        query_params={"run": run.id},
    )
