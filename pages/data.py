"""The Data page."""

from __future__ import annotations

import streamlit as st

st.title("Data")
st.caption("This page is empty so far.")
