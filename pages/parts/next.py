"""What to try next: buttons that fill in the form with a changed spec, each with its reason."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from pages.parts.form import CUSTOM
from pages.parts.refill import refill
from pages.parts.text import plain
from tlcore.figures.advice import suggestions
from tlcore.models.ancestry import leaves_weights
from tlcore.spec import RunSpec
from tlcore.strategies.start import FromRun


def next_steps(spec: RunSpec, result: dict[str, Any], *, offered: Collection[RunSpec] = ()) -> None:
    """Draw the suggestions, but for those that are `offered` elsewhere on the page; pressing one only fills in the form."""
    ideas = [idea for idea in suggestions(spec, result) if idea.spec not in offered]
    may_go_on = leaves_weights(spec.strategy)
    if not ideas and not may_go_on:
        return
    st.subheader("What to try next")
    for place, (column, idea) in enumerate(zip(st.columns(max(1, len(ideas))), ideas, strict=False)):
        with column:
            if st.button(idea.title, key=f"next-{place}", width="stretch"):
                refill(idea.spec)
            st.caption(plain(idea.reason))
    if may_go_on:
        go_on, why = st.columns([2, 3], vertical_alignment="center")
        if go_on.button("Go on from this run", icon=":material/link:", key="next-go-on", width="stretch"):
            refill(after(spec, result["run_id"]))
        why.caption("A chain of tasks: choose other images, and train from the weights that this run ended with.")


def after(spec: RunSpec, run_id: str) -> RunSpec:
    """The same choices, started from the weights that the run ended with."""
    strategy = spec.strategy.model_copy(update={"start": FromRun(run_id=run_id), "name": CUSTOM})
    return spec.model_copy(update={"strategy": strategy, "weights": None})
