"""Bias carried over: the run split by a column that training never saw, before and after."""

from __future__ import annotations

import streamlit as st

from pages.parts.forgetting_known import Looked
from pages.parts.layers_drawn import drawn
from pages.parts.layers_table import numbers
from pages.parts.text import plain
from tlcore.figures.forgetting_groups import SHARES, by_group, group_table, shares


def bias(here: Looked) -> None:
    """One column at a time; or why the run cannot be split."""
    st.header("Bias carried over")
    groups = (here.found or {}).get("groups")
    why = (here.found or {}).get("why", {}).get("groups")
    if not groups:
        asked = "Measure the run above: it is then split by each column that its data tell of."
        st.caption(
            plain(why or (asked if here.found is None else "That measurement did not split it. Measure again to have it."))
        )
        return
    names = list(groups)
    left, right = st.columns(2)
    name = left.selectbox("Split by", names, key=f"forgetting-column-{here.run.id}")
    column = groups[name]
    known = shares(column) or ["accuracy"]
    share = right.selectbox(
        "Share",
        known,
        key=f"forgetting-share-{here.run.id}-{name}",
        help=" ".join(f"{kind.capitalize()}: {words}." for kind, words in SHARES.items()),
    )
    drawn("groups", here.run, *by_group(column, share))
    for note in column["notes"]:
        st.caption(f":material/info: {plain(note)}")
    if column["unknown"]:
        st.caption(plain(f"Of {column['unknown']:,} test images the group is not known: they are left out."))
    if why:
        st.caption(f":material/info: {plain(why)}")
    numbers(here.run, "groups", group_table(column))
