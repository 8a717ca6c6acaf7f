"""What a dataset is, before anything of it is fetched."""

from __future__ import annotations

import streamlit as st

from pages.parts.dataset_choice import Choice
from pages.parts.looked_at import card_of
from pages.parts.session import told
from pages.parts.text import plain
from tlcore.data.catalogue import DatasetCard
from tlcore.figures.words import listing

_MANY_CLASSES = 20


def about(choice: Choice) -> None:
    """The dataset's card: what it shows, whose it is, how it is split, and what to beware of."""
    with told():
        card = card_of(choice.dataset, choice.labels)
        st.markdown(f"{plain(card.sentence)}")
        facts, cautions = st.columns(2, gap="large")
        with facts:
            _facts(card, choice)
        with cautions:
            _cautions(card)
        _train_link(card, choice)


def _facts(card: DatasetCard, choice: Choice) -> None:
    classes = [plain(name) for name in card.classes]
    rows = [
        ("Images", plain(card.size)),
        ("Classes", _classes(classes) if classes else "known after a look"),
        ("Split", plain(card.split_rule)),
        ("Licence", "" if choice.own else plain(card.licence)),
        ("From", plain(card.attribution)),
    ]
    for name, text in rows:
        if text:
            st.markdown(f"**{name}**  \n{text}")


def _classes(names: list[str]) -> str:
    if len(names) <= _MANY_CLASSES:
        return listing(names)
    return f"{', '.join(names[:_MANY_CLASSES])} and {len(names) - _MANY_CLASSES} more"


def _cautions(card: DatasetCard) -> None:
    if card.medical:
        st.warning(
            "**For learning and research only.** A model trained here is not a medical device: nothing it says may guide "
            "the care of a patient.",
            icon=":material/medical_information:",
        )
    if card.warnings:
        st.markdown("**Beware**")
        st.markdown("\n".join(f"- {plain(warning)}" for warning in card.warnings))


def _train_link(card: DatasetCard, choice: Choice) -> None:
    if card.refusal:
        st.caption(f"It cannot be trained on: {plain(card.refusal[0].lower() + card.refusal[1:])}")
        return
    st.page_link(
        "train.py",
        label="Train on this",
        icon=":material/layers:",
        query_params=choice.link(),
    )
