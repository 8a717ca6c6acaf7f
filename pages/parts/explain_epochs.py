"""How it came to look there: one map for each epoch whose weights were kept, under a slider."""

from __future__ import annotations

import streamlit as st

from pages.parts.explain_drawn import Sheet


def kept_epochs(sheet: Sheet) -> dict[int, str]:
    """Epoch, from 1, -> the key of its network, of those that answered."""
    looks = sheet.found["looks"]
    return {look["epoch"]: look["key"] for look in looks if look["epoch"] is not None and look["key"] not in sheet.found["why"]}


def epoch_in_view(sheet: Sheet) -> str:
    """The slider; every map is there already, so that moving it waits for nothing."""
    known = kept_epochs(sheet)
    epochs = sorted(known)
    if len(epochs) == 1:
        return known[epochs[0]]
    chosen = st.select_slider(
        "Epoch",
        epochs,
        value=epochs[0],
        format_func=lambda epoch: f"after epoch {epoch}",
        key=f"explain-epoch-{sheet.answer.run.id}",
        help="All maps stand on one scale, so that evidence can be seen to grow.",
    )
    return known[chosen]
