"""The pull: what shapes the loss besides the labels, and how much it counts."""

from __future__ import annotations

import streamlit as st

from pages.parts.choices import key
from pages.parts.form import AS_PRESET, CUSTOM
from tlcore.strategies import preset
from tlcore.strategies.pull import PULLS

_TITLES = {
    "none": "nothing",
    "l2-sp": "the old weights (L2-SP)",
    "l1-sp": "the old weights, few may leave (L1-SP)",
    "ewc": "weights that mattered before (EWC)",
    "distillation": "the old answers on the new images (LwF)",
    "replay": "the old answers on old images (replay)",
}


def pull_choice() -> None:
    """Draw them side by side: towards what, and how strongly."""
    st.markdown("**Pull**")
    one, two = st.columns(2)
    chosen = one.selectbox(
        "Besides the labels, the loss pulls towards",
        [AS_PRESET, *PULLS],
        key=key("pull"),
        format_func=lambda kind: _TITLES.get(kind, kind),
        help="Towards what the pretrained network was or said, so that less of it is forgotten.",
    )
    name = st.session_state[key("strategy")]
    own = "none" if name == CUSTOM else preset(name).pull.kind
    kind = own if chosen == AS_PRESET else chosen
    if kind == "none":
        st.session_state[key("pull_strength")] = None
    field = PULLS[kind].model_fields.get("strength")
    two.number_input(
        "Strength",
        0.0,
        value=None,
        format="%.4g",
        placeholder="as the strategy says" if kind == own else "what suits the kind" if field is None else f"{field.default:g}",
        key=key("pull_strength"),
        disabled=kind == "none",
        help="There is no pull to strengthen." if field is None else field.description,
    )
