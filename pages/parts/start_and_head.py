"""Where training starts from, and which head stands on the backbone: two of the settings under More."""

from __future__ import annotations

import streamlit as st

from pages.parts.choices import key
from pages.parts.form import AS_PRESET
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.models.ancestry import leaves_weights
from tlcore.models.cards import BackboneCard
from tlcore.strategies.head import HEADS
from tlcore.strategies.start import RUN_ID, FromRun

_STARTS = {AS_PRESET: AS_PRESET, "pretrained": "pretrained weights", "random": "random weights"}
_HEAD_AFTER = {"auto": "kept where the classes are the same", "fresh": "a fresh one", "kept": "that run's"}


def start_and_head(card: BackboneCard | None) -> None:
    """Draw both."""
    st.markdown("**Start and head**")
    _start()
    _head(card)


def _start() -> None:
    runs = {summary.id: summary for summary in startable(st.session_state[key("backbone")])}
    asked = st.session_state[key("start")]
    options = [*_STARTS, *runs]
    st.selectbox(
        "Start from",
        options + ([] if asked in options else [asked]),
        key=key("start"),
        format_func=lambda start: _STARTS.get(start) or _run_in_words(start, runs.get(start)),
        help="A finished run on this backbone is a start too: a chain of tasks, one learned after the other.",
    )
    if RUN_ID.fullmatch(asked):
        st.selectbox(
            "Its head is",
            list(_HEAD_AFTER),
            key=key("start_head"),
            format_func=_HEAD_AFTER.get,
            help=FromRun.model_fields["head"].description,
        )


def start_note() -> None:
    """Where it starts from and which head it has, said outside the folded settings where they are not the usual ones."""
    start, kind = st.session_state[key("start")], st.session_state[key("head")]
    if RUN_ID.fullmatch(start):
        run = next((summary for summary in startable(st.session_state[key("backbone")]) if summary.id == start), None)
        st.caption(f":material/link: It starts from {plain(_run_in_words(start, run))}.")
    elif start in ("pretrained", "random"):
        st.caption(f":material/link: It starts from {_STARTS[start]}, whatever the strategy says.")
    if kind != "linear":
        st.caption(f":material/swap_vert: Its head: {plain(HEADS[kind].short)}.")


def _run_in_words(run_id: str, summary: Summary | None) -> str:
    if summary is None:
        return f"run {run_id[-4:]}"  # the page says beside the plan why it cannot be started from
    return f"run {summary.label}: {summary.title}, {summary.settings}"


def startable(backbone: str) -> list[Summary]:
    """Finished runs on that backbone, the newest first."""
    return [
        summary
        for summary in summaries()
        if summary.state == "done"
        and summary.spec.subject.backbone == backbone
        and leaves_weights(summary.spec.subject.strategy)
    ]


def _head(card: BackboneCard | None) -> None:
    st.selectbox(
        "Head",
        list(HEADS),
        key=key("head"),
        format_func=lambda kind: HEADS[kind].title,
        help="What turns the backbone's features into an answer for each class.",
    )
    kind = st.session_state[key("head")]
    st.caption(f"{plain(HEADS[kind].sentence)} :material/menu_book: {plain(HEADS[kind].source)}.")
    if kind == "attention" and card is not None and not card.shows_positions:
        st.caption(f":material/block: Not on {plain(card.title)}, which shows its head one pooled vector.")
