"""Can it be believed? Four tests of the maps themselves, each asked for by a press, each with its figure and its sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from pages.parts.coming import until_it_ends
from pages.parts.explain_cost import cost_words
from pages.parts.explain_drawn import name_of
from pages.parts.explain_known import Answer, Explained
from pages.parts.explain_measure import ended_badly
from pages.parts.explain_test_spec import spec_to_test
from pages.parts.figures import shown
from pages.parts.layers_table import numbers
from pages.parts.session import engine, told
from pages.parts.text import plain
from tlcore.explain.looks import RUN
from tlcore.figures.explain_curves import DIRECTIONS, curve, curve_rows, curve_sentences
from tlcore.figures.explain_inside import firing, inside_rows, regions
from tlcore.figures.explain_inside import inside as inside_figure
from tlcore.figures.explain_inside_words import corner_words, counted_words, exchanged_words, there_words
from tlcore.figures.explain_sanity import randomized, similarity_rows
from tlcore.figures.explain_sanity import stability as stability_figure
from tlcore.figures.explain_words import randomization_words, stability_words
from tlcore.figures.words import count

_KINDS = {  # title, what is asked
    "inside": (
        "Does it look where it should?",
        "Where on the picture the evidence lies, whether answers hang on a corner, and on chest X-rays how much of the "
        "evidence is inside the lungs.",
    ),
    "deletion": (
        "Does the answer hang on what the map points at?",
        "What the maps point at is blurred first, or shown first, and the probability of the class is watched (deletion and "
        "insertion, Petsiuk et al. 2018).",
    ),
    "randomization": (
        "Does the map tell of what was learned?",
        "Layer group by layer group gets random weights, from the head down. Maps that hardly change draw the picture and not "
        "the network (Adebayo et al. 2018).",
    ),
    "stability": (
        "Does the map hold still where nothing changed?",
        "The pictures are moved by a few pixels, or get a little noise.",
    ),
}


_BY_ANOTHER = ":material/info: Measured by another explanation of these maps, with the networks that it had beside."


def belief(here: Explained) -> None:
    """The four tests, each shown, under way, or to be asked for."""
    st.header("Can it be believed?")
    st.caption("A map can be beautiful and wrong. These tests are of the maps, not of the answers.")
    for kind, (title, what) in _KINDS.items():
        st.subheader(title)
        answer = here.evidence(kind)
        found = None if answer is None else answer.found["belief"].get(kind)
        if answer is not None and found:
            if here.shown is not None and answer.run.id != here.shown.run.id:
                st.caption(_BY_ANOTHER)
            _SHOWN[kind](here, answer, found)
            if why := answer.found["why"].get(kind):
                st.caption(f":material/info: {plain(why)}")
            continue
        st.caption(what)
        _ask(here, kind, answer)


def _ask(here: Explained, kind: str, answer: Answer | None) -> None:
    """Why there is none, the job under way, or the button that starts it."""
    if answer is not None and (why := answer.found["why"].get(kind)):
        st.caption(f":material/info: {plain(why)}")
        return
    job = here.testing(kind)
    if job is not None and job.state in ("queued", "running"):
        until_it_ends(job.run, key=f"explain-{kind}", words="It goes on if you leave this page.")
        return
    if job is not None:
        ended_badly(job, "This test")
    assert here.shown is not None
    with told():
        spec = spec_to_test(here.shown.spec, kind)
        go, cost = st.columns([1, 4], vertical_alignment="center")
        cost.caption(plain(cost_words(spec, here.run, here.spec)))
        if go.button("Test it", icon=":material/science:", key=f"explain-ask-{kind}-{here.run.id}", width="stretch"):
            engine().submit(spec)
            st.rerun()


def _deletion(here: Explained, answer: Answer, found: Mapping[str, Any]) -> None:
    for direction, column in zip(DIRECTIONS, st.columns(2, gap="large"), strict=True):
        with column:
            st.markdown(f"**{direction.capitalize()}**")
            figure = curve(found, direction)
            if figure is not None:
                shown(f"explain-{direction}", here.run, figure)
            st.markdown("\n".join(f"- {plain(sentence)}" for sentence in curve_sentences(found, direction)))
    numbers(here.run, "explain-areas", curve_rows(found))


def _randomization(here: Explained, answer: Answer, found: list[Mapping[str, Any]]) -> None:
    shown("explain-randomization", here.run, randomized(found))
    st.markdown(plain(randomization_words(found)))
    _images(found)
    numbers(here.run, "explain-randomization", similarity_rows(found))


def _stability(here: Explained, answer: Answer, found: list[Mapping[str, Any]]) -> None:
    shown("explain-stability", here.run, stability_figure(found))
    st.markdown(plain(stability_words(found)))
    _images(found)
    numbers(here.run, "explain-stability", similarity_rows(found))


def _images(rows: list[Mapping[str, Any]]) -> None:
    st.caption(plain(f"95 % intervals over {count(rows[0]['images'])} images; maps without evidence are left out."))


def _inside(here: Explained, answer: Answer, found: Mapping[str, Mapping[str, Any]]) -> None:
    names = {key: name_of(answer.found, key) for key in found}
    _alarms(found, names)
    figure = inside_figure(found, names)
    left, right = st.columns([3, 2], gap="large") if figure is not None else (None, st.container())
    if figure is not None and left is not None:
        with left:
            shown("explain-inside", here.run, figure)
            for words in dict.fromkeys(counted_words(one) for one in found.values() if one["masked"]):
                st.caption(plain(words))
    with right:
        key = RUN
        if len(found) > 1:
            key = st.segmented_control(
                "Where it lies, of",
                list(found),
                default=RUN if RUN in found else next(iter(found)),
                required=True,
                format_func=names.__getitem__,
                key=f"explain-where-{here.run.id}",
            )
        shown("explain-where", here.run, regions(found[key]))
        st.caption("The share of the evidence in each part of the picture; the stronger the tint, the denser it lies there.")
    lines = [corner_words(one, names[key]) for key, one in found.items()]
    lines += [f"{names[key]}: {exchanged_words(one)}" for key, one in found.items()]
    st.markdown("\n".join(f"- {plain(line)}" for line in lines if line))
    numbers(here.run, "explain-where", inside_rows(found, names))


def _alarms(found: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> None:
    """Each network's alarm in a callout: that goes off, that does not, that there is too little to say."""
    loud = firing(found)
    for key, one in sorted(found.items(), key=lambda pair: pair[0] not in loud):
        told = one["alarm"]["sentences"] if key in loud else one["alarm"]["sentences"][:1]  # the rest is in the figures
        looks = there_words(one, "It") if one["masked"] else ""
        words = "  \n".join(plain(sentence) for sentence in [*told, looks] if sentence)
        text = f"**{plain(names[key])}.** {words}"
        if key in loud:
            st.error(text, icon=":material/notifications_active:")
        else:
            st.info(text, icon=":material/notifications_off:" if one["alarm"]["fires"] is False else ":material/help:")


_SHOWN: dict[str, Callable[[Explained, Answer, Any], None]] = {
    "deletion": _deletion,
    "randomization": _randomization,
    "stability": _stability,
    "inside": _inside,
}
