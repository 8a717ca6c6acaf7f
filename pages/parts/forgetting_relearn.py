"""How deep it is forgotten: the source learned again, from three starts."""

from __future__ import annotations

import streamlit as st

from pages.parts.figures import shown
from pages.parts.forgetting_known import Looked
from pages.parts.layers_table import numbers
from pages.parts.text import plain
from tlcore.figures.forgetting_relearn import relearn, relearn_table
from tlcore.figures.words import count


def relearning(here: Looked) -> None:
    """The curves, or how to have them."""
    st.header("How deep it is forgotten")
    found = here.found
    if found is None or found["relearn"] is None:
        why = (found or {}).get("why", {}).get("relearn")
        st.caption(
            plain(
                f"{why or 'Nobody has asked yet.'} Measure with Relearning turned on: what is only out of reach comes back "
                "sooner."
            )
        )
        return
    one = found["relearn"]
    if "trained_on" in one:
        st.caption(
            plain(
                f"A fresh head for the source's classes, everything moves: {count(one['trained_on'])} training images in "
                f"batches of {count(one['batch_size'])}, the same in the same order for each start; judged on "
                f"{count(one['images'])} others. The intervals are over those images alone: it is one order of the batches and "
                "one head."
            )
        )
    shown("relearn", here.run, *relearn(one))
    numbers(here.run, "relearn", relearn_table(one))
