"""The sidebar's foot: the run in view, who waits, and what this is."""

from __future__ import annotations

import streamlit as st

from pages.parts.dataset_choice import Choice
from pages.parts.queue import in_hand
from pages.parts.session import run_in_view
from pages.parts.statewords import STATE_ICONS, STATE_WORDS, run_title
from pages.parts.text import plain
from tlcore.errors import ThawError
from tlcore.figures.words import count
from tlcore.runs import Run
from tlcore.spec import AnySpec, BlendSpec, ExplainSpec, ExportSpec, ForgettingSpec

TICK_SECONDS = 5.0


def foot() -> None:
    """Draw the foot. Only its own fragment runs again, every few seconds."""
    with st.sidebar:
        _standing()
        st.caption("Thaw shows what happens when you unfreeze a pretrained network. Everything stays on this machine.")


@st.fragment(run_every=TICK_SECONDS)
def _standing() -> None:
    run = run_in_view()
    if run is not None:
        _in_view(run)
    running, waiting = in_hand()
    if running or waiting:
        label = f"{count(len(running))} running, {count(len(waiting))} waiting"
        st.page_link("runs.py", label=label, icon=":material/hourglass_top:", help="The queue, on the Runs page.")
    else:
        st.caption(":material/check: Nothing runs or waits")


def _in_view(run: Run) -> None:
    try:
        spec, status = run.spec(), run.status()
    except (ThawError, OSError, ValueError):  # deleted meanwhile, or written by another version
        return
    page, link = _link(run, spec)
    st.page_link(page, label=plain(run_title(spec)), icon=STATE_ICONS[status.state], query_params=link)
    st.caption(f"In view: {STATE_WORDS[status.state].lower()}")


def _link(run: Run, spec: AnySpec) -> tuple[str, dict[str, str]]:
    """The page that shows what was asked, and what it is told."""
    if isinstance(spec, ForgettingSpec | BlendSpec):
        return "forgetting.py", {"run": spec.run_id}
    if isinstance(spec, ExplainSpec):
        return "explain.py", {"run": run.id}
    if isinstance(spec, ExportSpec):
        return "explain.py", {"run": spec.run_id}
    if spec.kind in ("train", "layers"):
        return f"{spec.kind}.py", {"run": run.id}
    about = run.subject()
    return "data.py", {} if about is None else Choice(about.dataset, about.labels).link()
