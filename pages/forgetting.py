"""Forgetting: what did it cost? Choose a finished run; read what it gained and lost, where, and what brings it back."""

from __future__ import annotations

import streamlit as st

from pages.parts.forgetting_choose import choose
from pages.parts.forgetting_view import view

run_id = st.query_params.get("run")
if run_id is None:
    choose()
else:
    view(run_id)
