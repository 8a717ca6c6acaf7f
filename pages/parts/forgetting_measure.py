"""Measure: what the forgetting job looks at, what that costs, its start, how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.coming import until_it_ends
from pages.parts.forgetting_known import Looked
from pages.parts.session import engine, say, told
from pages.parts.statewords import STATE_WORDS
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.errors import ThawError
from tlcore.figures.words import count, duration, times
from tlcore.forgetting.cost import images_of_a_look
from tlcore.forgetting.cost import looks as looks_in
from tlcore.source_probes.catalogue import SOURCES
from tlcore.spec import ForgettingSpec, RunSpec, make
from tlcore.strategies.start import FromRun

RELEARN_STEPS = 40  # where relearning is asked for
_USUAL = ForgettingSpec.model_fields


def measure(here: Looked) -> None:
    """The job about this run where it is under way; else the button, and why the last one ended without an answer."""
    asked = here.asked
    if asked is not None and asked.state in ("queued", "running"):
        until_it_ends(asked.run, key="forgetting", words="It goes on if you leave this page, which then shows what it found.")
        return
    if asked is not None and asked.state in ("failed", "cancelled", "lost"):
        error = asked.status.error
        if asked.state == "failed" and error:
            say(error["message"], error.get("next_step") or "")
        else:
            st.caption(
                f":material/info: The last measurement was {plain(STATE_WORDS[asked.state].lower())} before it had answered."
            )
    if here.spec.strategy.start.kind == "random":
        st.caption(":material/info: From random weights there is no before to measure against.")
        return
    if here.found is not None:
        with st.expander("Measure again, with other settings", icon=":material/tune:"):
            _form(here, "Measure again")
        return
    with st.container(border=True):
        st.markdown(
            "**Measure what it forgot**: which images and classes, in which layer groups, and what brings it back. "
            "Nothing of the run changes."
        )
        _form(here, "Measure")


def _form(here: Looked, label: str) -> None:
    run_id = here.run.id
    offered = [name for name in SOURCES if name != "earlier-tasks" or isinstance(here.spec.strategy.start, FromRun)]
    sources = st.pills(
        "Old knowledge to ask about",
        offered,
        selection_mode="multi",
        default=offered,
        format_func=lambda name: SOURCES[name].title,
        key=f"forgetting-sources-{run_id}",
        help=" ".join(f"{SOURCES[name].title}: {SOURCES[name].sentence} {SOURCES[name].needs}" for name in offered),
    )
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    said = {name: field.description for name, field in _USUAL.items()}
    usual = {name: field.default for name, field in _USUAL.items()}
    keys = {name: f"forgetting-{name}-{run_id}" for name in ("images", "points")}
    images = left.number_input("Images", 10, 10_000, usual["images"], 100, key=keys["images"], help=said["images"])
    points = middle.number_input("Points on the path", 2, 101, usual["points"], key=keys["points"], help=said["points"])
    relearn = right.toggle(
        f"Relearning ({RELEARN_STEPS} steps)",
        key=f"forgetting-relearn-{run_id}",
        help="How deep it is forgotten: the source is learned again from the start's weights, the run's and random ones.",
    )
    if not sources:
        st.caption("Choose at least one kind of old knowledge.")
        return
    with told():
        spec = make(
            ForgettingSpec,
            run_id=run_id,
            sources=tuple(name for name in SOURCES if name in sources),
            images=images,
            points=points,
            relearn_steps=RELEARN_STEPS if relearn else 0,
        )
        st.caption(plain(cost_words(spec, here)))
        if st.button(label, type="primary", icon=":material/play_arrow:", key=f"forgetting-start-{run_id}"):
            engine().submit(spec)
            st.rerun()


def cost_words(spec: ForgettingSpec, here: Looked) -> str:
    """How much is looked at, and about how long that takes, judged by the last time; or that nobody knows yet."""
    looks = looks_in(spec, here.result)
    again = f", and three networks learn for {times(spec.relearn_steps, 'step')}" if spec.relearn_steps else ""
    what = (
        f"At most {count(spec.images)} images of each source and of the test split pass through about "
        f"{times(looks, 'network')} between the start and the run{again}."
    )
    seconds = estimate(spec, here.spec, looks * _each(spec, here))
    if seconds is None:
        return f"{what} How long that takes is not known here yet. It shows how far it is, and can be cancelled."
    return f"{what} About {duration(seconds)}, judged by the last time that this backbone was asked here at this size."


def _each(spec: ForgettingSpec, here: Looked) -> int:
    """Images of one look; as many as there can be where a run of the chain is gone: the job tells of that."""
    try:
        return images_of_a_look(spec, here.spec, here.result, here.run.path.parent)
    except ThawError:
        return spec.images * (len(spec.sources) + 1)


def estimate(spec: ForgettingSpec, run: RunSpec, images: int) -> float | None:
    """Seconds for so many images, by an earlier job on the same backbone and size that relearned or did not, as this one."""
    for job in summaries("forgetting"):
        found = _measured(job, run, spec)
        if found is not None:
            return found["seconds"] * images / found["images_looked_at"]
    return None


def _measured(job: Summary, run: RunSpec, spec: ForgettingSpec) -> Mapping[str, Any] | None:
    about = job.run.subject()
    if job.state != "done" or not isinstance(about, RunSpec) or not isinstance(job.spec, ForgettingSpec):
        return None
    if (about.backbone, about.image_size) != (run.backbone, run.image_size):
        return None
    if bool(job.spec.relearn_steps) != bool(spec.relearn_steps):
        return None
    found = job.run.result()
    return found if found and found["images_looked_at"] else None
