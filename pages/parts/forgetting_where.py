"""Where it is forgotten: each group's old weights put back alone, and only the BatchNorm statistics."""

from __future__ import annotations

import streamlit as st

from pages.parts.forgetting_known import Looked
from pages.parts.layers_drawn import drawn
from pages.parts.layers_table import numbers
from tlcore.figures.forgetting_restore import restore, restore_table
from tlcore.strategies import Plan


def where(here: Looked, source: str) -> None:
    """The figure over the stack, its sentences and its numbers; or why nothing was put back."""
    st.header("Where it is forgotten")
    if here.found is None or source not in here.found["sources"]:
        st.caption("Measure the run above: each layer group then gets its old weights back, one at a time.")
        return
    one = here.found["sources"][source]
    shares = "agreement for the source, of accuracy for the target" if one["measure"] == "agreement" else "accuracy"
    st.caption(
        "One part at a time has its old values back, all else stays fine-tuned. These are effects of single parts: they need "
        f"not add up to what was lost. BatchNorm's statistics are the means and variances that it normalises by, kept while it "
        f"trains. Points of {shares}, 95 % intervals over the same images."
    )
    drawn("restore", here.run, *restore(one, Plan.from_dict(here.result["plan"])))
    if rows := restore_table(one):
        numbers(here.run, "restore", rows)
