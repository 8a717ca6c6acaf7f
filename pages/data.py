"""Data: can I trust this data?"""

from __future__ import annotations

import streamlit as st

from pages.parts.check_live import look
from pages.parts.dataset_about import about
from pages.parts.dataset_choice import choose

st.title("Data")
choice = choose()
if choice is not None:
    about(choice)
    look(choice)
