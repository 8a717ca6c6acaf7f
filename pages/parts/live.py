"""The live view of a run: a component that asks the server's JSON route for news and draws them without a rerun."""

from __future__ import annotations

import streamlit as st

from pages.parts.script import join
from tlcore.figures.palette import ICE, SOURCE, TRAIN, VALIDATION, WARM

_component = st.components.v2.component(
    "thaw_live",
    html=join("live.html"),
    css=join("stack.css", "live.css"),
    js=join("draw.js", "cut.js", "fold.js", "stack_draw.js", "chart.js", "live.js"),
)


def live(run_id: str) -> str | None:
    """Watch a run. Returns its last state in the one rerun that follows its end, None otherwise."""
    data = {"id": run_id, "ice": ICE, "warm": WARM, "train": TRAIN, "validation": VALIDATION, "source": SOURCE}
    return _component(key=f"live-{run_id}", data=data, on_ended_change=lambda: None).ended
