"""The second half of the Train page: one run, from the queue to its end, by its link."""

from __future__ import annotations

import streamlit as st

from pages.parts.diagnosis import watch_health
from pages.parts.ended import show_ended
from pages.parts.finished import show_finished
from pages.parts.live import live
from pages.parts.medical import medical_note
from pages.parts.session import engine, put_in_view, say
from pages.parts.statewords import STATE_ICONS, STATE_WORDS, backbone_name, dataset_name
from pages.parts.text import plain
from tlcore.errors import ThawError
from tlcore.figures.words import settings, strategy_title
from tlcore.runs import Run, open_run
from tlcore.settings import runs_dir
from tlcore.spec import RunSpec


def watch(run_id: str) -> None:
    """Show the run that the link names: live while it lives, its results when it is done, what to do when it is neither."""
    run = _open(run_id)
    if run is None:
        if st.button("Choose a new run", icon=":material/add:"):
            _leave({})
        return
    put_in_view(run.id)
    spec, status = run.spec(), run.status()
    assert isinstance(spec, RunSpec)
    _heading(spec)
    buttons = st.container(horizontal=True)
    if buttons.button("Repeat with changes", icon=":material/edit:"):
        _leave({"from": run.id})
    if buttons.button("New run", icon=":material/add:"):
        _leave({})
    if status.state in ("queued", "running"):
        if run.cancel_requested():
            buttons.button(
                "Cancelling…", disabled=True, help="It stops after the step in hand, and is ended by force if it does not."
            )
        elif buttons.button("Cancel", icon=":material/stop_circle:"):
            engine().cancel(run.id)
            st.rerun()
        else:  # once it is being cancelled there is nothing to stop
            watch_health(run, spec)
        live(run.id)
        return
    st.markdown(f"{STATE_ICONS[status.state]} **{STATE_WORDS[status.state]}**")
    result = run.result() if status.state == "done" else None
    if result is None:
        show_ended(run, spec, status)
    else:
        show_finished(run, spec, result)


def _open(run_id: str) -> Run | None:
    try:
        run = open_run(runs_dir(), run_id)
        if isinstance(run.spec(), RunSpec):
            return run
        say("That run trains nothing: it measures or checks.", "Its results are on the page that asked for it.")
    except ThawError as error:
        say(error.message, error.next_step)
    return None


def _leave(query: dict[str, str]) -> None:
    st.query_params.from_dict(query)
    st.rerun()


def _heading(spec: RunSpec) -> None:
    st.title(plain(strategy_title(spec.strategy)))
    where = f"{backbone_name(spec.backbone)} on {dataset_name(spec.dataset)}"
    st.markdown(plain(f"{where} · {settings(spec, ' · ')}"))
    medical_note(spec.dataset)
