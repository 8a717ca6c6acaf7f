"""Layers: which layers transfer? Choose, see what it costs, ask; then read which level to unfreeze, and why."""

from __future__ import annotations

import streamlit as st

from pages.parts.figures import as_format
from pages.parts.layers_cost import cost_and_start
from pages.parts.layers_form import choose
from pages.parts.layers_list import earlier
from pages.parts.layers_view import view
from pages.parts.transferability import LINK, transferability

run_id = st.query_params.get("run")
if run_id is not None:
    view(run_id)
elif LINK in st.query_params or st.query_params.get("view") == LINK:
    st.title("Layers")
    st.page_link("layers.py", label="Ask the layers of a backbone", icon=":material/stacks:")
    if transferability():
        as_format()
else:
    st.title("Layers")
    st.markdown(
        "Which layers transfer? Every layer group is asked what it knows of your task before anything is trained: that is "
        "where to cut between what stays frozen and what thaws."
    )
    asked = choose()
    if asked is not None:
        cost_and_start(asked)
    earlier()
    st.subheader("The experiment behind the question")
    st.page_link(
        "layers.py",
        label="Train small networks on half the classes",
        icon=":material/science:",
        query_params={"view": LINK},
    )
    st.caption("Yosinski et al. 2014, on halves of the classes of small images: in minutes on a CPU.")
