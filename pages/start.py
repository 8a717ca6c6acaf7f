"""Start: what should I try?"""

from __future__ import annotations

import streamlit as st

from pages.parts.first_runs import first_runs
from pages.parts.guide import guide
from pages.parts.living_stack import living_stack
from pages.parts.recent import recent

words, picture = st.columns([3, 2], gap="large", vertical_alignment="center")
with words:
    st.title("What happens when you unfreeze a pretrained network?")
    st.markdown(
        "A network trained on millions of photographs already knows edges, textures and shapes. To teach it something "
        "new you choose **how far down to thaw it**: only its head, the last stage, or everything."
    )
    st.markdown(
        "Pick a backbone, a dataset and a strategy. Thaw shows what will train before it runs, the curves while it "
        "runs, and what came of it after: on images it has never seen, with intervals, beside a baseline."
    )
    st.page_link("train.py", label="Choose for yourself", icon=":material/layers:")
with picture:
    st.html(living_stack())

st.subheader("Three first runs")
first_runs()

st.subheader("The guide: what to try on your data")
guide()

st.subheader("Recent runs")
recent()
