"""Runs: what has been done?"""

from __future__ import annotations

import streamlit as st

from pages.parts.cache import cache
from pages.parts.disk import disk
from pages.parts.queue import queue
from pages.parts.run_actions import actions, undo
from pages.parts.run_table import choose, filters
from pages.parts.summary import summaries

st.title("Runs")
undo()
everything = summaries()
if everything:
    shown = filters(everything)
    chosen = choose(shown)
    actions(chosen)
else:
    st.markdown("Nothing has run here yet. A run appears in this list as soon as it is started, and stays until it is deleted.")
    st.page_link("start.py", label="Begin with one of three first runs", icon=":material/flag:")
    st.page_link("train.py", label="Choose for yourself", icon=":material/layers:")
queue()
cache()
disk()
