"""A finished figure on the page: with its reading under it, and saved as PNG or SVG."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.parts.text import plain
from tlcore.compare.folder import Comparison
from tlcore.figures.style import modebar
from tlcore.runs import Run

_FORMAT = "figure-format"


def shown(name: str, of: Run | Comparison, figure: go.Figure, reading: str = "") -> None:
    """Draw a figure, and under it the sentence that reads it, if it is read here."""
    kind = "svg" if st.session_state.get(_FORMAT) == "SVG" else "png"
    _ink(figure)
    st.plotly_chart(figure, key=f"figure-{name}", config=modebar(f"{of.id}-{name}", kind))
    if reading:
        st.caption(plain(reading))


def _ink(figure: go.Figure) -> None:
    """Text in the page's own colour: the theme's gray is too faint for a projector."""
    ink = "#e8ebf2" if st.context.theme.type == "dark" else "#1b2130"
    figure.update_layout(font={"color": ink}, legend={"font": {"color": ink}})
    figure.update_xaxes(tickfont={"color": ink}, title={"font": {"color": ink}})
    figure.update_yaxes(tickfont={"color": ink}, title={"font": {"color": ink}})
    figure.for_each_annotation(lambda note: note.update(font={"color": note.font.color or ink}))


def as_format() -> None:
    """The one control for how the figures' camera button saves them."""
    st.segmented_control("The camera in a figure's corner saves it as", ["PNG", "SVG"], default="PNG", key=_FORMAT)
