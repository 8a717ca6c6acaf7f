"""What a link to the demo means: an explanation to show, a run whose explanation is to be made first, or a choice of both."""

from __future__ import annotations

import streamlit as st

from pages.parts.coming import until_it_ends
from pages.parts.demo_pictures import BESIDE_START
from pages.parts.demo_screen import show
from pages.parts.explain_known import may_stand_beside
from pages.parts.session import engine, put_in_view, say, told
from pages.parts.statewords import run_title
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.errors import SpecError
from tlcore.figures.explain_words import NOT_CLINICAL
from tlcore.figures.words import times
from tlcore.runs import Run, finished_training, open_run
from tlcore.settings import runs_dir
from tlcore.spec import ExplainSpec, RunSpec, make

EACH = 6  # images of each gallery: about a lesson's worth in all
LINES = 6


def demo(explain: str | None, run_id: str | None, beside: str | None) -> None:
    """Show the demo of an explain job, or of a run (`beside`: another one, or `start`); else what may be shown."""
    with told():
        job = open_run(runs_dir(), explain) if explain is not None else None
        job = job or (_made(run_id, beside) if run_id is not None else None)
        if job is not None:
            _of(job, beside)
            return
        _page()
        if run_id is None:
            _choose()
        else:
            _make_ready(run_id, beside)
        return
    st.page_link("explain.py", label="Choose a run", icon=":material/visibility:")


def _of(job: Run, beside: str | None) -> None:
    """The demo of an explain job, whatever state it is in."""
    spec = job.spec()
    if not isinstance(spec, ExplainSpec) or spec.picture is not None:
        raise SpecError(
            f"Run {job.id} explains no images of a dataset.", next_step="Open the demo from the Explain page of a finished run."
        )
    put_in_view(spec.run_id)
    if job.status().state in ("queued", "running"):
        _page()
        until_it_ends(job, key="demo", words="The demo begins here as soon as its images are drawn.")
        return
    result = job.result()
    if result is None:
        error = job.status().error or {}
        _page()
        say(error.get("message", "This explanation ended before it had answered."), error.get("next_step", ""))
        st.page_link("demo.py", label="Make it again", icon=":material/replay:", query_params={"run": spec.run_id})
        return
    show(job, result, beside)


def _page() -> None:
    st.title("Demo")
    st.warning(NOT_CLINICAL, icon=":material/medical_information:")
    st.markdown(
        "For a room: one image at a time over the whole screen. The room guesses the class first; then the truth, the "
        "network's answer and the map of what it rests on are revealed, and who was right is counted. It is driven by the "
        "keyboard alone, and goes on if the server is lost."
    )


def _made(run_id: str, beside: str | None) -> Run | None:
    """The newest explanation of the run that has what the demo needs, done or under way."""
    other = beside not in (None, BESIDE_START)
    for job in summaries("explain"):
        spec = job.spec
        if not isinstance(spec, ExplainSpec) or spec.picture is not None or spec.run_id != run_id:
            continue
        fits = beside in spec.beside if other else not spec.beside
        fits = fits and (beside != BESIDE_START or spec.start) and spec.each > 1 and not spec.only
        if fits and job.state in ("queued", "running", "done"):
            return job.run
    return None


def _make_ready(run_id: str, beside: str | None) -> None:
    """The button that asks the run for the demo's images."""
    run, spec, _ = finished_training(runs_dir(), run_id)
    put_in_view(run.id)
    others = (beside,) if beside is not None and beside != BESIDE_START else ()
    names = " against ".join([plain(run_title(spec)), *(plain(_title_of(other)) for other in others)])
    st.markdown(f"**{names}**")
    asked = make(ExplainSpec, run_id=run.id, beside=others, each=EACH)
    st.caption("Its images are chosen and their maps drawn once, in a short job; the demo then opens here.")
    if st.button("Make the demo", type="primary", icon=":material/slideshow:", key="demo-make"):
        job = engine().submit(asked)
        st.query_params.from_dict({"explain": job.id} | ({"beside": beside} if beside else {}))
        st.rerun()


def _title_of(run_id: str) -> str:
    _, spec, _ = finished_training(runs_dir(), run_id)
    return run_title(spec)


def _choose() -> None:
    """Explanations that are done, and runs that could be asked."""
    jobs = [one for one in summaries("explain") if one.state == "done" and _of_images(one)]
    runs = [one for one in summaries() if one.state == "done" and isinstance(one.spec, RunSpec)]
    if not runs:
        st.info("No run has finished here yet. Train one first, then let the room guess against it.", icon=":material/info:")
        st.page_link("train.py", label="Train a network", icon=":material/layers:")
        return
    titles = {run.id: run for run in runs}
    ready = [job for job in jobs if isinstance(job.spec, ExplainSpec) and job.spec.run_id in titles]
    if ready:
        st.subheader("Ready to show")
        for job in ready[:LINES]:
            assert isinstance(job.spec, ExplainSpec)
            beside = f", {times(len(job.spec.beside), 'other run')} beside" if job.spec.beside else ""
            words = f"{titles[job.spec.run_id].title} ({titles[job.spec.run_id].label}{beside})"
            st.page_link("demo.py", label=plain(words), icon=":material/slideshow:", query_params={"explain": job.id})
    st.subheader("Make one")
    st.markdown("Choose a finished run, and another one to set it against if you like.")
    left, right, go = st.columns([4, 4, 2], vertical_alignment="bottom")
    first = left.selectbox("Run", list(titles), format_func=lambda one: _label(titles[one]), key="demo-run")
    second = right.selectbox(
        "Against",
        [None, BESIDE_START, *(one.id for one in may_stand_beside(Run(runs_dir() / first)) if one.id in titles)],
        format_func=lambda one: (
            "The room alone" if one is None else "The network before training" if one == BESIDE_START else _label(titles[one])
        ),
        key="demo-against",
    )
    if go.button("Go on", type="primary", icon=":material/slideshow:", width="stretch"):
        st.query_params.from_dict({"run": first} | ({"beside": second} if second else {}))
        st.rerun()


def _of_images(job: Summary) -> bool:
    return isinstance(job.spec, ExplainSpec) and job.spec.picture is None and job.spec.each > 1 and not job.spec.only


def _label(run: Summary) -> str:
    return f"{run.label}: {run.title}, {run.backbone}"
