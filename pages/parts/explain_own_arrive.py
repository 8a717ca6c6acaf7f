"""A picture arrives: it is read by what it holds, its pixels are kept, and the run is asked about it at once."""

from __future__ import annotations

import json
import time

import streamlit as st

from pages.parts.measured import find
from pages.parts.session import engine, say
from pages.parts.text import plain
from tlcore.data.arriving import MAX_BYTES, arrive
from tlcore.errors import ThawError
from tlcore.files import write_json
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import ExplainSpec, make

NOTICES = "arrived.json"  # in the job's folder: what was done to the file, in sentences that name nobody
PATIENCE = 1.5  # seconds
_ROUND, _REFUSED = "explain-own-round", "explain-own-refused"


def bring(run: Run) -> Run | None:
    """The uploader; returns the explain job of a picture that has just arrived. A refusal is said, and changes nothing."""
    turn = st.session_state.setdefault(_ROUND, 0)
    file = st.file_uploader(
        "A picture of your own",
        key=f"explain-own-{turn}",
        max_upload_size=round(MAX_BYTES / 1e6),
        help="What a file is called does not matter: it is read by what it holds. Nothing leaves this machine.",
    )
    if file is not None:
        st.session_state[_ROUND] = turn + 1  # an empty uploader: the file itself, with its name and its tags, is let go
        st.session_state.pop(_REFUSED, None)
        try:
            return _asked(run, file.getvalue(), file.name)
        except ThawError as error:
            st.session_state[_REFUSED] = (error.message, error.next_step)
            st.rerun()
    if refused := st.session_state.get(_REFUSED):
        say(*refused)
    return None


def _asked(run: Run, content: bytes, name: str) -> Run:
    with st.spinner("Reading the picture…"):
        arrived = arrive(content, name)
        job = ask(make(ExplainSpec, run_id=run.id, picture=arrived.sha256, start=False))
        if arrived.notices:
            write_json(job.path / NOTICES, list(arrived.notices))
        _wait_briefly(job)
    return job


def _wait_briefly(job: Run) -> None:
    """A run that is ready answers in half a second: that is waited for here, and a longer one has its own progress."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and job.status().state in ("queued", "running"):
        time.sleep(0.05)


def ask(spec: ExplainSpec) -> Run:
    """The job of this spec: the one that is done or under way, else a new one."""
    known = find(runs_dir(), spec)
    if known is not None and known.status().state in ("queued", "running", "done"):
        return known
    return engine().submit(spec)


def done_to(job: Run) -> None:
    """What was done to the file as it arrived."""
    try:
        notices = json.loads((job.path / NOTICES).read_bytes())
    except (OSError, ValueError):  # nothing was, or another question about the same picture
        return
    for notice in notices:
        st.caption(f":material/info: {plain(notice)}")
