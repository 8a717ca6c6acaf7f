"""The way from a finished run to its layers, laid beside those of the weights that it is compared with."""

from __future__ import annotations

import streamlit as st

from tlcore.models.ancestry import leaves_weights
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import Run
from tlcore.spec import RunSpec


def ask_its_layers(run: Run, spec: RunSpec) -> None:
    """The link to the Layers page with this run laid beside, or why there is none."""
    if spec.backbone not in BACKBONES:
        st.caption(":material/info: Its layers cannot be asked: the Layers page knows the catalogued backbones alone.")
    elif not leaves_weights(spec.strategy):
        st.caption(":material/info: Its layers cannot be asked: a run with bottleneck adapters leaves no weights to build on.")
    else:
        st.page_link("layers.py", label="Ask its layers", icon=":material/stacks:", query_params={"beside": run.id})
        st.caption("What each knows now and what it computes otherwise, beside pretrained and random weights.")
