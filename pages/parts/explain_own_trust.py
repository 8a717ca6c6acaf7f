"""How far an answer about a person's own picture can be trusted: its nearest training images, calibration, the alarm itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.explain_own_answer import kept
from pages.parts.figures import shown
from pages.parts.layer_files import picture_in
from pages.parts.text import plain
from tlcore.explain.calibrate import softmax
from tlcore.figures.calibration import calibration
from tlcore.figures.explain_own import distance_words, ece_words, false_alarm_words, nearest_words
from tlcore.figures.words import count
from tlcore.runs import Run

WIDTH = 120  # pixels on the screen


def nearest(job: Run, result: Mapping[str, Any]) -> None:
    """The training images that the network sees it most like."""
    told = result["picture"]
    if not told["nearest"]:
        return
    st.subheader("Nearest training images")
    st.markdown(plain(nearest_words(told["nearest"], told["prediction"])))
    with st.container(horizontal=True):
        for one in told["nearest"]:
            picture = picture_in(job, one["file"])
            with st.container(width=WIDTH, gap="xsmall"):
                if picture is not None:
                    st.image(picture, width=WIDTH)
                st.caption(f"**{plain(one['class'])}**  \nsimilarity {one['similarity']:.2f}")
    st.caption(
        "Similarity is the cosine between what the network's head sees of both, 1 at most. They are near as this network sees "
        "them, and that does not make it right."
    )


def trust(run: Run, result: Mapping[str, Any]) -> None:
    """Reliability before and after calibration on the test split, and how often the alarm is wrong."""
    told = result["picture"]
    measured, known = told["measured"], kept(run)
    if measured is None:
        return
    st.subheader("How far these numbers can be trusted")
    temperature = measured["temperature"]
    st.markdown(plain(temperature["why"]))
    st.markdown(plain(ece_words(measured["calibration"])))
    if known is not None and len(known.test_labels):
        changed = known.temperature.value != 1
        columns = st.columns(2 if changed else 1, gap="large")
        with columns[0]:
            if changed:
                st.markdown("**Before**")
            shown("own-reliability-before", run, *calibration(softmax(known.test_logits), known.test_labels))
        if changed:
            with columns[1]:
                st.markdown("**After calibration**")
                after = known.temperature.probabilities(known.test_logits)
                shown("own-reliability-after", run, *calibration(after, known.test_labels))
    with st.expander("The alarm, and what all this was measured on", icon=":material/verified:"):
        st.markdown(plain(false_alarm_words(measured["unlike"])))
        for line in distance_words(told["out_of_distribution"]):
            st.markdown(plain(line))
        images = measured["images"]
        st.markdown(
            plain(
                f"Measured on {count(images['train'])} training, {count(images['val'])} validation and {count(images['test'])} "
                "test images. The validation images, on which calibration, sets and thresholds were fitted, chose the best "
                "epoch too; what that costs shows on the test images. All of it holds for pictures that come about as these "
                "did, and for no others."
            )
        )
        st.markdown(f"Run `{run.id}`")
        st.code(f"python -m tlcore explain --run {run.id} --image FILE --out DIR --json", language="bash")
