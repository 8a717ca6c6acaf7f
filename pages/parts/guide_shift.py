"""How far the data are from photographs: measured here, as measured before elsewhere, or being measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from pages.parts.coming import show_coming
from pages.parts.guide_choice import Subject
from pages.parts.session import engine, say, told
from pages.parts.summary import Summary, active, finished, newest
from pages.parts.text import plain
from tlcore.advice.situation import LANDMARKS
from tlcore.figures.guide_words import decimals, shift_sentence
from tlcore.models.cards import saw_photographs
from tlcore.runs import Run


@dataclass(frozen=True)
class Found:
    """The distance, where it is known, and how to tell of it below the control."""

    value: float | None
    tell: Callable[[], None]


def shift_fact(subject: Subject) -> Found:
    """What is known about the shift of these data on this backbone."""
    spec = subject.shift()
    before = LANDMARKS.get(subject.data.dataset)
    if (now := active(spec)) is not None:
        return Found(before, partial(_watch, now.run))
    done = finished(spec)
    result = done.run.result() if done is not None else None
    if result is not None:
        return Found(result["shift"], partial(_tell, result, subject))
    sources = subject.backbone.weights
    if not sources or not saw_photographs(sources[0].text):
        return Found(None, partial(_unfit, sources[0].text if sources else "No source of pretrained weights is known."))
    return Found(before, partial(_offer, subject, newest(spec), before))


def _tell(result: dict, subject: Subject) -> None:
    images = result["images"]
    st.caption(plain(shift_sentence(result, subject.data.dataset)))
    st.caption(
        f":material/straighten: Measured here on {images['target']:,} training images and {images['source']:,} photographs.",
        help="The maximum mean discrepancy (Gretton et al. 2012) between the features that the frozen backbone makes of both, "
        "as a share of the most it could be: 0 for two sets of one kind, 1 where nothing is alike. The interval is a bootstrap "
        "over images.",
    )
    for notice in result["notices"]:
        st.caption(f":material/info: {plain(notice)}")


def _unfit(text: str) -> None:
    st.caption(
        "It cannot be measured for this backbone: what its weights learnt from last is not everyday photographs, so say "
        f"yourself how far your images are from that. {plain(text)}"
    )


def _offer(subject: Subject, last: Summary | None, before: float | None) -> None:
    """The button, after what is known without it and why the last measurement did not come about."""
    if last is not None and last.state == "failed" and last.status.error:
        say(last.status.error["message"], last.status.error.get("next_step") or "")
        st.caption("Say yourself how far your images are from everyday photographs, or measure again.")
    elif last is not None and last.state in ("cancelled", "lost"):
        st.caption(f"The last measurement was {last.state}.")
    if before is not None:
        st.caption(f"{decimals(before)} as measured before, with EfficientNet-Lite0 at 128 px. Not measured here yet.")
    else:
        st.caption("Not known. Say yourself, or measure it: a minute at most, once the images are here.")
    if st.button("Measure it", icon=":material/straighten:", key="guide-measure"):
        with told():
            engine().submit(subject.shift())
            st.rerun()


@st.fragment(run_every=1.0)
def _watch(run: Run) -> None:
    """The measurement as it stands; once it has ended the whole page runs again."""
    with told():
        if not run.path.exists() or run.status().state not in ("queued", "running"):
            st.rerun()
        show_coming(run, run.events()[0], key="guide", narrow=True)
