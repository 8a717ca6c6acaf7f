"""A run that ended without results: what happened, and what to do next."""

from __future__ import annotations

import streamlit as st

from pages.parts.diagnosis import show_diagnosis
from pages.parts.figures import shown
from pages.parts.session import engine, say, told
from pages.parts.text import plain
from tlcore.figures.curves import loss_curves
from tlcore.figures.fold import fold
from tlcore.figures.words import times
from tlcore.runs import Run, Status
from tlcore.spec import RunSpec


def show_ended(run: Run, spec: RunSpec, status: Status) -> None:
    """Lost, failed or cancelled."""
    events, _ = run.events()
    known = fold(events)
    reached = (
        f"It had finished {times(len(known.epochs), 'epoch')} of {spec.epochs}." if known.plan else "It had not begun to train."
    )
    if status.state == "lost":
        st.warning(
            f"The process of this run is gone: it was killed, or the machine restarted. {reached} "
            "Nothing that was reported is lost: resumed, it goes on from its last checkpoint with the same numbers.",
            icon=":material/power_off:",
        )
        if st.button("Resume", type="primary", icon=":material/resume:"):
            with told():
                engine().resume(run.id)
                st.rerun()
    elif status.state == "cancelled":
        st.info(f"The run was cancelled. {reached} Repeat it with changes, or start another.", icon=":material/block:")
    elif status.state == "failed":
        error = status.error or {"message": "The run failed without saying why.", "next_step": "Look at the log below."}
        say(error["message"], error.get("next_step", ""))
    else:
        say("This run is done, but its results are missing.", "Repeat it.")
    for notice in known.notices:
        st.caption(f":material/info: {plain(notice['text'])}")
    show_diagnosis(run, spec, None)
    if known.plan and known.steps:
        shown("loss", run, *loss_curves(known))
    log = run.log_tail()
    if log and status.state in ("failed", "lost"):
        with st.expander("The end of its log", icon=":material/article:"):
            st.code(log, language=None)
