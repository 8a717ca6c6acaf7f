"""Which run? The finished ones, and what was already asked of each."""

from __future__ import annotations

import streamlit as st

from pages.parts.finished_choice import choose_run, finished_runs, list_runs
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.figures.words import interval, times
from tlcore.spec import ExplainSpec


def choose() -> None:
    """The question, and the runs to ask it of."""
    st.title("Explain")
    st.markdown(
        "Where does it look, and should I believe it? Choose a finished run: maps of what its answers rest on, beside those of "
        "the network as it started; the images that it is surest, wrongest and least certain about; and tests of the maps "
        "themselves."
    )
    runs = finished_runs()
    if not runs:
        st.info("No run has finished here yet. Train one first, then see what it looks at.", icon=":material/info:")
        st.page_link("train.py", label="Train a network", icon=":material/layers:")
        return
    choose_run(runs, key="explain-run", icon=":material/visibility:")
    st.subheader("Runs that can be asked")
    asked = _asked()
    list_runs(runs, asked, lambda summary: _line(summary, asked.get(summary.id, 0)))


def _asked() -> dict[str, int]:
    """How many explanations of each run's images there are."""
    found: dict[str, int] = {}
    for job in summaries("explain"):
        if job.state == "done" and isinstance(job.spec, ExplainSpec) and job.spec.picture is None:
            found[job.spec.run_id] = found.get(job.spec.run_id, 0) + 1
    return found


def _line(summary: Summary, explanations: int) -> None:
    name, what, accuracy, maps = st.columns([4, 5, 3, 3], vertical_alignment="center")
    name.page_link("explain.py", label=plain(summary.strategy), icon=":material/visibility:", query_params={"run": summary.id})
    what.caption(plain(f"{summary.dataset}, {summary.backbone}, {summary.settings}"))
    accuracy.caption(plain(f"accuracy {interval(summary.accuracy)}") if summary.accuracy else "")
    maps.caption(plain(times(explanations, "explanation", "explanations")) if explanations else "no maps yet")
