"""On a finished run's page: what it still knows of before, and the way to the Forgetting page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.figures import shown
from pages.parts.text import plain
from tlcore.figures.forgetting_epochs import source_curve
from tlcore.figures.forgetting_words import asked_words, by_loss, is_measured, lost_words
from tlcore.runs import Run


def what_it_forgot(run: Run, result: Mapping[str, Any]) -> None:
    """The source beside the target over the epochs, where the run asked; what was lost of it; and the link."""
    st.header("What it forgot")
    sources = {name: one for name, one in (result.get("source") or {}).items() if one and is_measured(one)}
    if not sources:
        st.caption("It was not asked what it still knows of what it knew before. That can be measured now, too.")
    else:
        for name in by_loss(sources):
            st.markdown(plain(lost_words(sources[name])))
        figure, reading = source_curve(sources, result["history"])
        if figure is not None:
            shown("source-curve", run, figure, reading)
        if words := asked_words(result):
            st.caption(plain(words))
    st.page_link(
        "forgetting.py",
        label="Gained and lost, where, and what brings it back",
        icon=":material/history:",
        query_params={"run": run.id},
    )
