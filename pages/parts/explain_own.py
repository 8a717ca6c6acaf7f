"""Your own picture: brought, answered with a calibrated probability, with every warning that is due, and forgotten again."""

from __future__ import annotations

import streamlit as st

from pages.parts.coming import until_it_ends
from pages.parts.explain_own_answer import answer, how_sure
from pages.parts.explain_own_arrive import bring, done_to
from pages.parts.explain_own_ask import ask_otherwise
from pages.parts.explain_own_forget import forget_button, forgotten
from pages.parts.explain_own_map import looked_at
from pages.parts.explain_own_trust import nearest, trust
from pages.parts.medical import medical_banner
from pages.parts.session import say, told
from pages.parts.statewords import STATE_WORDS
from pages.parts.text import plain
from tlcore.data.catalogue import DATASETS
from tlcore.errors import ThawError
from tlcore.runs import Run, open_run
from tlcore.settings import runs_dir
from tlcore.spec import ExplainSpec

LINK = "picture"  # the word in the page's link for the explain job about a picture


def picture_in_link() -> Run | None:
    """The explain job about a person's own picture that the page's link means, if it means one that is here."""
    for word in (LINK, "run"):
        job_id = st.query_params.get(word)
        try:
            job = open_run(runs_dir(), job_id) if job_id else None
            spec = job.spec() if job is not None else None
        except (ThawError, OSError):  # no id, or deleted
            continue
        if isinstance(spec, ExplainSpec) and spec.picture is not None:
            return job
    return None


def own_picture(run: Run) -> None:
    """The whole section, about a finished training run. What it shows is in the link as `picture=ID`."""
    about = run.spec()
    dataset = getattr(about, "dataset", "")
    if dataset in DATASETS and not DATASETS[dataset].medical:  # else the page has it on top
        medical_banner()
    st.markdown(
        "Bring a picture, and the network answers with a probability that is calibrated, says when the picture is unlike "
        "anything that it was trained on, and shows where it looks. JPEG, PNG, TIFF, DICOM and others, of 8 or 16 bits. "
        "**Only the pixels are kept**: no file name, no date, no tag that could name a patient."
    )
    forgotten()
    job = picture_in_link()
    if job is not None and _run_of(job) != run.id:
        job = None
    new = bring(run)
    if new is not None:
        st.query_params["run"], st.query_params[LINK] = run.id, new.id
        st.rerun()
    if job is not None:
        with told():
            _show(run, job)


def _run_of(job: Run) -> str | None:
    spec = job.spec()
    return spec.run_id if isinstance(spec, ExplainSpec) else None


def _show(run: Run, job: Run) -> None:
    status, result = job.status(), job.result()
    if status.state in ("queued", "running"):
        until_it_ends(
            job,
            key="explain-own",
            words="The first picture of a run takes longer: its validation and test images pass through the network once.",
        )
        return
    if result is None or result["picture"] is None:
        if status.error:
            say(status.error["message"], status.error.get("next_step") or "")
        else:
            st.caption(f":material/info: This picture was {plain(STATE_WORDS[status.state].lower())} before it was answered.")
        ask_otherwise(run, job, None)
        forget_button(job)
        return
    done_to(job)
    answer(result)
    looked_at(job, result)
    ask_otherwise(run, job, result)
    how_sure(run, job, result)
    nearest(job, result)
    trust(run, result)
    forget_button(job)
