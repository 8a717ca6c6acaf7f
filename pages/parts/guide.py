"""The guide: which strategy to try on these data, with this backbone, on this machine, and how good such advice has been."""

from __future__ import annotations

import streamlit as st

from pages.parts.guide_choice import PROBE, Subject, choose_subject
from pages.parts.guide_facts import Facts, choose_facts
from pages.parts.guide_probe import probe_first
from pages.parts.guide_start import Standing, open_in_form, standing, start, takes
from pages.parts.medical import medical_note
from pages.parts.text import plain
from tlcore.advice import Advice, advise
from tlcore.advice.kept import kept
from tlcore.figures.guide_words import record_sentences
from tlcore.settings import runs_dir
from tlcore.strategies import STRATEGIES

UNLABELLED = (
    "Without labels nothing can be trained for your classes yet. Self-supervised pretraining on your own pictures would come "
    "first; Thaw does not have it yet. Label a few dozen images of each class and the probe can begin."
)


def guide() -> None:
    """Choose, read the situation, and get a ranked list to start from."""
    st.caption("Size, shift and compute decide what is worth trying. Each is read or measured, and yours to overrule.")
    subject = choose_subject()
    if subject is None:
        return
    medical_note(subject.data.dataset)
    if not subject.backbone.weights:
        st.caption(":material/info: No source of pretrained weights is known for this backbone: choose another to transfer.")
    here = standing(subject)
    facts = choose_facts(subject, here.paces.of(subject.run("full")))
    if facts is None:
        st.info("The advice stands here once all three are known or said.", icon=":material/arrow_upward:")
    elif facts.situation.size == "none":
        st.info(UNLABELLED, icon=":material/label_off:")
    else:
        probed = probe_first(subject, here)
        _ranked(subject, facts, here, probed)
    _record()


def _ranked(subject: Subject, facts: Facts, here: Standing, probed: bool) -> None:
    st.markdown(f"**What to try, in this order**, for {plain(', '.join(facts.numbers))}:")
    for place, advice in enumerate(advise(facts.situation), start=1):
        if advice.strategy != PROBE or place == 1:  # further down it would say again what stands above the list
            _one(place, advice, subject, here, primary=probed and place == 1)


def _one(place: int, advice: Advice, subject: Subject, here: Standing, *, primary: bool) -> None:
    about = STRATEGIES[advice.strategy]
    with st.container(border=True):
        words, buttons = st.columns([5, 2], vertical_alignment="center")
        with words:
            st.markdown(f"**{place}. {plain(about.title)}**  \n{plain(advice.rule.why)}")
            source = "The playbook's rule." if advice.rule.from_playbook else "Our own rule, where the playbook is silent."
            time = takes(subject.run(advice.strategy), here)
            st.caption(f"Trains {plain(about.updates)}; risk of forgetting: {about.forgetting}. {source} {time}")
        with buttons:
            start(subject, advice.strategy, here, key=f"guide-start-{advice.strategy}", primary=primary)
            open_in_form(subject, advice.strategy)


def _record() -> None:
    """How good this advice has been, in numbers, and how to measure it again."""
    found = kept(runs_dir())
    if found is None:
        st.caption(":material/fact_check: How good this advice is has not been measured yet.")
        command = "python -m tlcore advice-regret"
    else:
        first, *more = record_sentences(found)
        st.markdown(f":material/fact_check: **How good is this advice?** {plain(first)}")
        st.caption(plain(" ".join(more)))
        command = found.answer["command"]
    with st.expander("Measure it on this machine", icon=":material/terminal:"):
        st.caption("It trains every candidate in every situation, takes what has run here already as it is, and shows here.")
        st.code(command, language="bash", wrap_lines=True)
