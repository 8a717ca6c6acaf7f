"""What must be said wherever medical images are shown."""

from __future__ import annotations

import streamlit as st

from tlcore.data.catalogue import DATASETS
from tlcore.figures.explain_words import NOT_CLINICAL


def medical_note(dataset: str) -> None:
    """Say so, if the dataset is medical; a person's own data may be, so it is said there too."""
    if dataset not in DATASETS or DATASETS[dataset].medical:
        st.caption(f":material/medical_information: {NOT_CLINICAL}")
