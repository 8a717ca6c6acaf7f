"""The Start page."""

from __future__ import annotations

import streamlit as st

st.title("Start")
st.caption("This page is empty so far.")
