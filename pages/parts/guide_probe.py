"""Probe before you commit: the quick probe first, and what it says about unfreezing once it is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import streamlit as st

from pages.parts.guide_choice import PROBE, Subject
from pages.parts.guide_start import Standing, start
from pages.parts.summary import summaries
from pages.parts.text import plain
from tlcore.advice.plateau import plateau
from tlcore.figures.dial import dial_reading
from tlcore.figures.guide_words import plateau_sentences
from tlcore.figures.words import strategy_title
from tlcore.runs import Run
from tlcore.spec import DialSpec, RunSpec

ICONS = {
    "unfreeze": ":material/arrow_downward:",
    "enough": ":material/check:",
    "unclear": ":material/balance:",
    "open": ":material/help:",
    "no signal": ":material/warning:",
}


def probe_first(subject: Subject, standing: Standing) -> bool:
    """The probe with its button, or its reading; returns whether there is one to read."""
    with st.container(border=True):
        done = _done(subject)
        if done is None:
            words, button = st.columns([5, 2], vertical_alignment="center")
            words.markdown("**Probe before you commit**")
            words.caption(
                "The head alone on frozen features, each image looked at once: what it reaches says whether unfreezing has "
                "anything to win here."
            )
            with button:
                start(subject, PROBE, standing, key="guide-probe", words="Start the probe")
            return False
        run, result = done
        found = plateau(result, list(_deeper(subject)))
        st.markdown(f"**{ICONS[found.verdict]} What the probe says**")
        st.markdown(plain(" ".join(plateau_sentences(found, result["val"]["n"]))))
        if (dial := _dial(subject)) is not None:
            st.markdown(plain(f"The dial, on {dial['images']['train']:,} training images: {dial_reading(dial)}"))
        st.page_link("train.py", label="The probe's run", icon=":material/check_circle:", query_params={"run": run.id})
    return True


def _done(subject: Subject) -> tuple[Run, dict[str, Any]] | None:
    """The newest finished probe of these data, labels and backbone that starts from pretrained weights, and its result."""
    for run, spec, result in _of_these_data(subject):
        if spec.strategy.scope.kind == "head" and spec.strategy.start.kind == "pretrained":
            return run, result
    return None


def _deeper(subject: Subject) -> Iterator[tuple[str, dict[str, Any]]]:
    """The finished runs that trained more than the head on the same images: titles and results."""
    for _, spec, result in _of_these_data(subject):
        if spec.strategy.scope.kind != "head" and spec.strategy.start.kind == "pretrained":
            yield strategy_title(spec.strategy), result


def _dial(subject: Subject) -> dict[str, Any] | None:
    """The newest dial's answers about these data, labels and backbone, each level on the same few images."""
    for summary in summaries("dial"):
        spec = summary.spec
        if summary.state == "done" and isinstance(spec, DialSpec) and _alike(spec.run, subject):
            return summary.run.result()
    return None


def _of_these_data(subject: Subject) -> Iterator[tuple[Run, RunSpec, dict[str, Any]]]:
    for summary in summaries():
        if summary.state == "done" and isinstance(summary.spec, RunSpec) and _alike(summary.spec, subject):
            result = summary.run.result()
            if result is not None and "accuracy" in result["val"]:  # of this version, and not deleted just now
                yield summary.run, summary.spec, result


def _alike(spec: RunSpec, subject: Subject) -> bool:
    """Whether a run sees the same images through the same backbone."""
    wanted = subject.run(PROBE)
    same = ["dataset", "labels", "backbone", "weights", "image_size", "images_per_class"]
    same += ["seed"] if spec.images_per_class is not None else []  # it draws them
    return all(getattr(spec, name) == getattr(wanted, name) for name in same)
