"""Explain: where does it look, and should I believe it? Choose a finished run; lay its maps side by side, and test them."""

from __future__ import annotations

import streamlit as st

from pages.parts.explain_choose import choose
from pages.parts.explain_view import view

run_id = st.query_params.get("run")
if run_id is None:
    choose()
else:
    view(run_id)
