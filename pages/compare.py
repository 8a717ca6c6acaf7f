"""Compare: which strategy, honestly? Build the grid and see its cost, watch it fill in, read it with its noise."""

from __future__ import annotations

import streamlit as st

from pages.parts.compare_build import build
from pages.parts.compare_list import earlier
from pages.parts.compare_view import view

comparison_id = st.query_params.get("comparison")
if comparison_id is None:
    st.title("Compare")
    st.markdown(
        "Which strategy, honestly? All of them on the same split, with the same seeds and the same budget; with intervals, "
        "paired differences and the two controls that any claim must beat."
    )
    build()
    earlier()
else:
    view(comparison_id)
