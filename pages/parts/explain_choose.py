"""Which run? The finished ones, and what was already asked of each."""

from __future__ import annotations

import streamlit as st

from pages.parts.explain_known import finished_runs
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.figures.words import interval, times
from tlcore.spec import ExplainSpec, RunSpec

LINES = 8


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
    _choice(runs)
    _lines(runs)


def _choice(runs: list[tuple[Summary, RunSpec]]) -> None:
    known = {summary.id: summary for summary, _ in runs}
    choice, go = st.columns([5, 1], vertical_alignment="bottom")
    run_id = choice.selectbox(
        "Finished run",
        list(known),
        format_func=lambda run_id: (
            f"{known[run_id].label}: {known[run_id].title}, {known[run_id].backbone}, {known[run_id].settings}"
        ),
        key="explain-run",
    )
    if go.button("Look", type="primary", icon=":material/visibility:", width="stretch"):
        st.query_params.from_dict({"run": run_id})
        st.rerun()


def _lines(runs: list[tuple[Summary, RunSpec]]) -> None:
    asked = _asked()
    st.subheader("Runs that can be asked")
    ranked = sorted(runs, key=lambda pair: pair[0].id not in asked)  # those with maps first, each kind the newest first
    for summary, _ in ranked[:LINES]:
        _line(summary, asked.get(summary.id, 0))
    if len(ranked) > LINES:
        with st.expander(times(len(ranked) - LINES, "more run", "more runs")):
            for summary, _ in ranked[LINES:]:
                _line(summary, asked.get(summary.id, 0))


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
