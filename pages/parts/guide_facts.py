"""The situation in three facts, each read or measured where it can be, and each the person's to overrule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import streamlit as st

from pages.parts.guide_choice import Subject
from pages.parts.guide_shift import shift_fact
from pages.parts.text import plain
from tlcore.advice import Compute, Shift, Situation, Size
from tlcore.advice.situation import compute_of, shift_of, size_of
from tlcore.compare.pace import Pace
from tlcore.figures.guide_words import compute_sentence, size_sentence
from tlcore.figures.words import duration
from tlcore.training.processor import cpu_threads, gpu_name

SIZES: tuple[Size, ...] = ("small", "medium", "large")


@dataclass(frozen=True)
class Facts:
    """The situation as it stands, and the numbers behind it in words, for the reasons."""

    situation: Situation
    numbers: tuple[str, ...]


def choose_facts(subject: Subject, pace: Pace | None) -> Facts | None:
    """Draw the three facts; None while one of them is neither known nor said. `pace` is that of full fine-tuning here."""
    first, second, third = st.columns(3)
    with first.container(border=True, height="stretch"):
        size = _size(subject)
    with second.container(border=True, height="stretch"):
        shift, distance = _shift(subject)
    with third.container(border=True, height="stretch"):
        compute, machine = _compute(pace)
    if size is None or shift is None or compute is None:
        return None
    images = f"{size} data" if subject.images is None else f"{size} data ({subject.images:,} labelled images)"
    return Facts(Situation(size, shift, compute), (images, f"{shift} shift{distance}", f"{compute} compute ({machine})"))


def _size(subject: Subject) -> Size | None:
    images = subject.images
    if images == 0:
        st.markdown("No labels")
        return "none"
    read = None if images is None else size_of(images)
    size = _said("Data", SIZES, read, f"{subject.data.dataset}-{images}")
    if images is None:
        st.caption("Nobody has counted these data yet: look at them on the Data page, or say yourself.")
        st.page_link("data.py", label="Look at the data", icon=":material/photo_library:", query_params=subject.data.link())
    else:
        st.caption(plain(size_sentence(images)))
    return size


def _shift(subject: Subject) -> tuple[Shift | None, str]:
    found = shift_fact(subject)
    where = f"{subject.data.dataset}-{subject.backbone.name}-{found.value}"
    shift = _said(
        "Shift from everyday photographs", get_args(Shift), None if found.value is None else shift_of(found.value), where
    )
    found.tell()
    return shift, "" if found.value is None else f" ({found.value:.2f})"


def _compute(pace: Pace | None) -> tuple[Compute | None, str]:
    cores, gpu = cpu_threads(), gpu_name()
    compute = _said("Compute", get_args(Compute), compute_of(cores, gpu=gpu is not None), "machine")
    st.caption(plain(compute_sentence(cores, gpu)))
    if pace is not None:
        st.caption(
            f":material/timer: An epoch of full fine-tuning on these data takes about {plain(duration(pace.per_epoch))} here."
        )
    return compute, gpu or f"{cores} core{'s' if cores > 1 else ''}"


def _said(label: str, words: Sequence[str], read: str | None, where: str) -> Any:
    """The control: as read until the person says otherwise, which is then told. Another subject is read anew."""
    said = st.segmented_control(label, words, default=read, required=read is not None, key=f"guide-{label}-{where}")
    if read is not None and said != read:
        st.caption(f":material/edit: You say {said}; as it stands it would be {read}.")
    return said
