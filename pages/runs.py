"""The Runs page."""

from __future__ import annotations

import streamlit as st

st.title("Runs")
st.caption("This page is empty so far.")
