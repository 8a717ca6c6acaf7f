"""The demo, for a room: one image at a time, guessed first and then revealed. It is reached from Explain, or by its link."""

from __future__ import annotations

import streamlit as st

from pages.parts.demo_link import demo

demo(st.query_params.get("explain"), st.query_params.get("run"), st.query_params.get("beside"))
