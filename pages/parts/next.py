"""What to try next: buttons that fill in the form with a changed spec, each with its reason."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from pages.parts.refill import refill
from pages.parts.text import plain
from tlcore.figures.advice import suggestions
from tlcore.spec import RunSpec


def next_steps(spec: RunSpec, result: dict[str, Any], *, offered: Collection[RunSpec] = ()) -> None:
    """Draw the suggestions, but for those that are `offered` elsewhere on the page; pressing one only fills in the form."""
    ideas = [idea for idea in suggestions(spec, result) if idea.spec not in offered]
    if not ideas:
        return
    st.subheader("What to try next")
    for place, (column, idea) in enumerate(zip(st.columns(len(ideas)), ideas, strict=True)):
        with column:
            if st.button(idea.title, key=f"next-{place}", width="stretch"):
                refill(idea.spec)
            st.caption(plain(idea.reason))
