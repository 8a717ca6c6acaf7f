"""The frame of every page: the navigation, and at the sidebar's foot the run in view and the queue."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.parts.sidebar import foot

ASSETS = Path(__file__).resolve().parent.parent / "assets"

st.set_page_config(page_title="Thaw", page_icon=str(ASSETS / "icon.png"), layout="wide")
st.html(ASSETS / "theme.css")
st.logo(ASSETS / "icon.svg", size="large")

page = st.navigation(
    [
        st.Page("start.py", title="Start", icon=":material/flag:", url_path="start", default=True),
        st.Page("train.py", title="Train", icon=":material/layers:", url_path="train"),
        st.Page("compare.py", title="Compare", icon=":material/compare:", url_path="compare"),
        st.Page("layers.py", title="Layers", icon=":material/stacks:", url_path="layers"),
        st.Page("forgetting.py", title="Forgetting", icon=":material/history:", url_path="forgetting"),
        st.Page("explain.py", title="Explain", icon=":material/visibility:", url_path="explain"),
        st.Page("data.py", title="Data", icon=":material/photo_library:", url_path="data"),
        st.Page("runs.py", title="Runs", icon=":material/view_list:", url_path="runs"),
        st.Page("demo.py", title="Demo", icon=":material/slideshow:", url_path="demo", visibility="hidden"),
    ]
)
page.run()
foot()
