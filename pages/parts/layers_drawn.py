"""A figure with what it says: the first sentence as its reading, the others as a list below."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from pages.parts.figures import shown
from pages.parts.text import plain
from tlcore.runs import Run


def drawn(name: str, run: Run, figure: go.Figure | None, sentences: Sequence[str]) -> None:
    """Draw it; where there is no figure, its sentences say why."""
    first, *others = sentences or [""]
    if figure is None:
        others = [first, *others]
    else:
        shown(name, run, figure, first)
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in others if sentence))
