"""What must be said wherever medical images are shown."""

from __future__ import annotations

import streamlit as st

from tlcore.data.catalogue import DATASETS
from tlcore.figures.explain_words import NOT_CLINICAL

_STAYS = "medical-banner"  # assets/theme.css keeps it in sight


def medical_note(dataset: str) -> None:
    """Say so, if the dataset is medical; a person's own data may be, so it is said there too."""
    if _may_be_medical(dataset):
        st.caption(f":material/medical_information: {NOT_CLINICAL}")


def medical_banner(dataset: str | None = None) -> None:
    """The same as a banner that stays in sight; without a dataset always, as for a picture that a person brings."""
    if dataset is None or _may_be_medical(dataset):
        with st.container(key=_STAYS):
            st.warning(NOT_CLINICAL, icon=":material/medical_information:")


def _may_be_medical(dataset: str) -> bool:
    return dataset not in DATASETS or DATASETS[dataset].medical
