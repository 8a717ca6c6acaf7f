"""The demo over the whole screen: a component that gets all its pictures at once and needs no server from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.demo_pictures import scenes
from pages.parts.script import join
from tlcore.runs import Run

_component = st.components.v2.component(
    "thaw_demo",
    html=join("demo.html"),
    css=join("demo.css"),
    js=join("draw.js", "demo_game.js", "demo_draw.js", "demo.js"),
)


def show(job: Run, result: Mapping[str, Any], beside: str | None) -> None:
    """Open the demo of a finished explain job; leaving it leads to that explanation."""
    data = scenes(job, result, beside)
    st.title("Demo")
    st.caption(data["banner"])
    if not data["images"]:
        st.info("This explanation has no images. Make it again from the Explain page.", icon=":material/info:")
    elif _component(key=f"demo-{data['key']}", data=data, on_left_change=lambda: None).left:
        st.switch_page("explain.py", query_params={"run": job.id})
    else:
        st.markdown("The demo is open over this page. **Esc**, pressed twice, leaves it.")
    st.page_link("explain.py", label="Back to the explanation", icon=":material/visibility:", query_params={"run": job.id})
