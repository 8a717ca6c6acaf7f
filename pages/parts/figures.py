"""A finished figure on the page: with its reading under it, and saved as PNG or SVG."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.parts.text import plain
from tlcore.figures.style import modebar
from tlcore.runs import Run

_FORMAT = "figure-format"


def shown(name: str, run: Run, figure: go.Figure, reading: str) -> None:
    """Draw a figure, and under it the sentence that reads it."""
    kind = "svg" if st.session_state.get(_FORMAT) == "SVG" else "png"
    st.plotly_chart(figure, key=f"figure-{name}", config=modebar(f"{run.id}-{name}", kind))
    st.caption(plain(reading))


def as_format() -> None:
    """The one control for how the figures' camera button saves them."""
    st.segmented_control("The camera in a figure's corner saves it as", ["PNG", "SVG"], default="PNG", key=_FORMAT)
