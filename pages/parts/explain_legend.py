"""The legend of maps: the colours and the values at their two ends, on one scale or on each map's own."""

from __future__ import annotations

from html import escape

import streamlit as st

from tlcore.figures.explain_overlay import EVIDENCE, SIGNED, colours, legend_words

_STOPS = 16


def legend(scale: float, *, signed: bool) -> None:
    """A bar with its ends; of a scale of 0, where no map has evidence, that."""
    if scale <= 0:
        st.caption("No map on this scale has any evidence.")
        return
    table = colours(SIGNED if signed else EVIDENCE)
    stops = ",".join(f"rgb({r},{g},{b})" for r, g, b in table[:: len(table) // _STOPS])
    low, high = (escape(words) for words in legend_words(scale, signed=signed))
    st.html(
        f'<div role="img" aria-label="Colours of the maps, from {low} to {high}" style="max-width:26rem;font-size:.84rem">'
        f'<div style="height:12px;border-radius:3px;background:linear-gradient(90deg,{stops})"></div>'
        f'<div style="display:flex;justify-content:space-between"><span>{low}</span><span>{high}</span></div></div>'
    )
