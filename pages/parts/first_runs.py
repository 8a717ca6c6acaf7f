"""Three runs to begin with: each small enough for a laptop, each one click, and worth comparing with one another."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.parts.medical import medical_note
from pages.parts.session import engine, put_in_view, told
from pages.parts.summary import Summary, summaries
from tlcore.figures.words import duration
from tlcore.spec import RunSpec, make


@dataclass(frozen=True)
class FirstRun:
    """A ready-made run, and what to look for in it."""

    key: str
    title: str
    sentence: str
    look_for: str
    fields: dict[str, object]

    def spec(self) -> RunSpec:
        return make(RunSpec, **self.fields)


_XRAY = {
    "backbone": "tf_efficientnet_lite0",
    "dataset": "chest-xray",
    "image_size": 96,
    "images_per_class": 200,
    "epochs": 3,
    "lr": 3e-3,
}

FIRST_RUNS = (
    FirstRun(
        "probe",
        "Keep everything frozen",
        "Chest X-rays on a network that learnt from everyday photographs. Only the head trains.",
        "How far features of cats and cars go on pneumonia.",
        {**_XRAY, "strategy": "linear-probe"},
    ),
    FirstRun(
        "control",
        "The same, knowing nothing",
        "The same X-rays, the same head, but the frozen layers are random: they have never seen a picture.",
        "How much of the first run's score is left: the distance is what the pretrained weights are worth.",
        {**_XRAY, "strategy": "random-features"},
    ),
    FirstRun(
        "thaw",
        "Thaw the last group",
        "Traffic lights, of which hardly any are yellow. The head and the group below it train.",
        "Accuracy against balanced accuracy: what happens to yellow.",
        {
            "backbone": "tf_efficientnet_lite0",
            "dataset": "traffic-lights",
            "image_size": 64,
            "images_per_class": 100,
            "epochs": 4,
            "strategy": "last-group",
        },
    ),
)


def first_runs() -> None:
    """Draw the three cards. A click submits the run and shows it live."""
    done = [summary for summary in summaries() if summary.state == "done"]
    for column, first in zip(st.columns(3), FIRST_RUNS, strict=True):
        with column.container(border=True, height="stretch"):
            with st.container(height="stretch", border=False):  # fills the card, so that the buttons stand in line
                st.markdown(f"##### {first.title}")
                st.markdown(first.sentence)
                st.caption(f"Look for: {first.look_for[0].lower()}{first.look_for[1:]}")
            medical_note(first.spec().dataset)
            st.caption(_how_long(first, done))
            if st.button("Start", key=f"first-{first.key}", type="primary", icon=":material/play_arrow:", width="stretch"):
                _start(first)


def _start(first: FirstRun) -> None:
    with told():
        run = engine().submit(first.spec())
        put_in_view(run.id)
        st.switch_page("train.py", query_params={"run": run.id})


def _how_long(first: FirstRun, done: list[Summary]) -> str:
    spec = first.spec()
    here = next((summary.seconds for summary in done if summary.spec == spec and summary.seconds), None)
    if here is not None:
        return f":material/timer: {duration(here)} when it last ran here"
    return ":material/timer: its time stands here once it has run on this machine"
