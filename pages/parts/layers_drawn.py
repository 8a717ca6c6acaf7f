"""A figure with what it says, sentence by sentence, each as large as the next."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from pages.parts.figures import shown
from pages.parts.text import plain
from tlcore.runs import Run


def drawn(name: str, run: Run, figure: go.Figure | None, sentences: Sequence[str]) -> None:
    """Draw it; where there is no figure, its sentences say why."""
    if figure is not None:
        shown(name, run, figure)
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences if sentence))
