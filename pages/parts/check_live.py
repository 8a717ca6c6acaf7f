"""Looking at a dataset: a job with progress and cancel, and its report once it is done."""

from __future__ import annotations

import streamlit as st

from pages.parts.check_report import report
from pages.parts.dataset_choice import Choice
from pages.parts.session import engine, put_in_view, say, told
from pages.parts.summary import Summary, active, finished, newest
from pages.parts.text import plain
from tlcore.runs import Run
from tlcore.spec import CheckSpec, make

TICK_SECONDS = 1.0


def look(choice: Choice) -> None:
    """The button, the job while it runs, or the report: an earlier one of the same spec is shown at once."""
    spec = make(CheckSpec, dataset=choice.dataset, labels=choice.labels)
    st.subheader("A closer look")
    now = active(spec)
    if now is not None:
        _watch(now.run)
        return
    done = finished(spec)
    if done is not None:
        report(done.run)
        _button(spec, "Look again", primary=False)
        return
    last = newest(spec)
    if last is not None and last.state in ("failed", "lost", "cancelled"):
        _ended(last)
    st.caption(
        "Fetches the images where that is still to be done, counts them, shows samples of each class, and looks for what "
        "spoils results: unreadable files, duplicates, patients on both sides of the split, tiny classes."
    )
    _button(spec, "Look at it", primary=True)


def _button(spec: CheckSpec, label: str, *, primary: bool) -> None:
    if st.button(label, icon=":material/search:", type="primary" if primary else "secondary"):
        with told():
            run = engine().submit(spec)
            put_in_view(run.id)
            st.rerun()


def _ended(last: Summary) -> None:
    if last.state == "failed" and last.status.error:
        say(last.status.error["message"], last.status.error["next_step"])
    elif last.state == "lost":
        st.warning("The last look ended before it was done: its process is gone. Look again.", icon=":material/power_off:")
    else:
        st.caption("The last look was cancelled.")


@st.fragment(run_every=TICK_SECONDS)
def _watch(run: Run) -> None:
    """The job as it stands; once it has ended the whole page runs again, and shows the report."""
    with told():
        state = run.status().state
        if state not in ("queued", "running"):
            st.rerun()
        events, _ = run.events()
        steps = [event for event in events if event["type"] == "progress"]
        if state == "queued":
            place = engine().place(run.id)
            st.progress(0.0, text=f"Waiting: place {place} in the queue" if place else "Starting")
        elif not steps:
            st.progress(0.0, text="Starting")
        else:
            _bar(steps[-1])
        if st.button("Cancel", icon=":material/stop_circle:", disabled=run.cancel_requested()):
            engine().cancel(run.id)
            st.rerun(scope="fragment")


def _bar(step: dict) -> None:
    done, total, unit = step["done"], step["total"], step["unit"]
    counted = f"{done:,} of {total:,} {unit}" if total else (f"{done:,} {unit}" if done else "")
    if unit == "bytes":
        counted = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if total else f"{done / 1e6:.1f} MB"
    text = f"{plain(step['what'])}: {plain(counted)}" if counted else plain(step["what"])
    st.progress(min(1.0, done / total) if total else 0.0, text=text)
