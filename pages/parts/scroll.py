"""Bring a part of the page into view: what a press far below changed above."""

from __future__ import annotations

import streamlit as st

_component = st.components.v2.component(
    "thaw_scroll",
    html="<span></span>",
    js="""
    export default function ({ data }) {
      if (!data.mark || window.thawScrolled === data.mark) return;
      window.thawScrolled = data.mark;
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      document.querySelector(`.st-key-${data.part}`)?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    }
    """,
)


def scroll_to(part: str, mark: str) -> None:
    """Scroll to the container whose key is `part`, once for each `mark`; not at all for an empty one.

    It is drawn from the first on, so that its script is there when it is needed.
    """
    _component(key=f"scroll-to-{part}", data={"part": part, "mark": mark})
