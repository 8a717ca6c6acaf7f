"""Train: what happens if I unfreeze this far? Choose, see the plan, start, watch, understand."""

from __future__ import annotations

import streamlit as st

from pages.parts.choose import choose
from pages.parts.watch import watch

run_id = st.query_params.get("run")
if run_id is None:
    choose()
else:
    watch(run_id)
