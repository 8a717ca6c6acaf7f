"""What the network answers about a person's own picture, how sure that is, and whether it has any business answering."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.parts.figures import shown
from pages.parts.layers_table import numbers
from pages.parts.text import plain
from tlcore.explain.kept import FOLDER, Ready, read
from tlcore.explain.looks import RUN
from tlcore.figures.explain_own import coverage_words, probabilities, probabilities_table, set_words
from tlcore.figures.explain_words import unlike_words
from tlcore.figures.words import percent
from tlcore.runs import Run

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def answer(result: Mapping[str, Any]) -> None:
    """The warning first, then the answer."""
    told = result["picture"]
    _alarm(told)
    name, calibrated, raw = st.columns([2, 1, 1])
    name.metric("It answers", plain(told["prediction"]))
    if told["calibrated"] is None:
        calibrated.metric("As the network says", percent(told["probability"]))
        why = result["why"].get("calibrated", "")
        st.caption(plain(f"How often it is right when it says so is not known. {why}"))
        return
    calibrated.metric("Calibrated probability", percent(told["calibrated"]), help=_CALIBRATED)
    raw.metric("As the network says", percent(told["probability"]), help="Its own softmax: often more sure than right.")


def how_sure(run: Run, job: Run, result: Mapping[str, Any]) -> None:
    """Every class's probability, and the prediction set at a chosen confidence."""
    told = result["picture"]
    if told["calibrated"] is None:
        return
    st.subheader("How sure it is")
    own = dict(zip(result["classes"], told["answers"][RUN]["probabilities"], strict=True))
    left, right = st.columns(2, gap="large")
    with left:
        shown("own-probabilities", job, probabilities(told, own))
        numbers(job, "own-probabilities", probabilities_table(told, own))
    with right:
        _set(run, result)


_CALIBRATED = (
    "Of pictures like those that it was trained on, about this share is answered rightly when it says this number: its "
    "logits are divided by one number that was fitted on the validation split."
)


def _alarm(told: Mapping[str, Any]) -> None:
    judged = told["out_of_distribution"]
    if judged is None:
        return
    words = plain(unlike_words(judged, told["measured"]["unlike"]["on_test"]))
    if judged["unlike"]:
        st.error(f"### Unlike anything it was trained on\n{words}", icon=":material/warning:")
    elif not judged["can_tell"]:
        st.warning(words, icon=":material/help:")
    else:
        st.caption(f":material/check: {words}")


@st.fragment
def _set(run: Run, result: Mapping[str, Any]) -> None:
    """The prediction set, worked out here for any confidence."""
    told = result["picture"]
    st.markdown("**Which classes may it be?**")
    known = kept(run)
    confidence = told["confidence"]
    if known is not None:
        options = sorted({*CONFIDENCES, confidence})
        confidence = st.select_slider(
            "How often the set is to hold the truth",
            options,
            value=confidence,
            format_func=lambda one: percent(one, 0) if one * 100 == round(one * 100) else percent(one),
            key="explain-own-confidence",
        )
    members, fewest, calibrated_on = members_at(told, known, confidence)
    st.markdown(" ".join(f"`{_code(name)}`" for name in members))
    st.markdown(plain(set_words(members, len(result["classes"]), confidence, fewest, calibrated_on)))
    found = [one for one in told["measured"]["coverage"] if one["method"] == told["set_method"]]
    measured = next((one for one in found if one["promise"] == confidence), None)
    if measured is not None:
        st.caption(plain(coverage_words(measured, told["measured"]["intervals_over"])))
    else:
        st.caption(f"Whether the promise holds was measured at {', '.join(percent(one['promise'], 0) for one in found)}.")


def members_at(told: Mapping[str, Any], known: Ready | None, confidence: float) -> tuple[list[str], int, int]:
    """The classes in the set, the most probable first; the validation images that the confidence takes, and those there are."""
    if known is None:
        return list(told["prediction_set"]), 0, 0
    names = list(told["probabilities"])
    shares = np.array([told["probabilities"][name] for name in names])
    inside = known.sets.of(shares[None], confidence, told["set_method"])[0]
    order = np.argsort(-shares, kind="stable")
    return [names[i] for i in order if inside[i]], known.sets.fewest(confidence), len(known.sets.lac)


def kept(run: Run) -> Ready | None:
    """What is kept of the run for new pictures; None where it is gone."""
    file = run.path / FOLDER / "ready.npz"
    return _kept(str(run.path), file.stat().st_mtime_ns) if file.is_file() else None


@st.cache_resource(show_spinner=False, max_entries=4)
def _kept(path: str, _changed: int) -> Ready | None:
    return read(Run(Path(path)))


def _code(name: str) -> str:
    """A name between backticks, where Markdown reads nothing but a backtick."""
    return " ".join(name.replace("`", "'").split())
