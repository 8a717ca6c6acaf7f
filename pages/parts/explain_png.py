"""The maps in view to take along: one picture with legend, words and where each comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from pages.parts.explain_drawn import Sheet
from tlcore.figures.explain_overlay import exported
from tlcore.figures.explain_sheet import joined
from tlcore.figures.explain_words import caption, provenance


@dataclass(frozen=True)
class Panel:
    """A map as it is drawn on the page."""

    one: Mapping[str, Any]  # its entry in the result
    drawn: np.ndarray  # uint8 (S, S, 3)
    scale: float


def save_view(sheet: Sheet, panels: Sequence[Panel], told: Mapping[str, Any]) -> None:
    """The button; the file is made when it is pressed."""
    if not panels:
        return
    place = sheet.images.index(told)
    st.download_button(
        "This view as PNG",
        lambda: view_png(sheet, panels, place),
        f"{sheet.answer.run.id}-{place:03d}.png",
        "image/png",
        icon=":material/download:",
        key=f"explain-png-{sheet.answer.run.id}",
        on_click="ignore",
        help="Every map with its legend, what it shows, and in the file's description where it comes from.",
    )


def view_png(sheet: Sheet, panels: Sequence[Panel], place: int) -> bytes:
    """The maps of an image as they stand side by side."""
    return joined(
        [
            exported(
                panel.drawn,
                scale=panel.scale,
                signed=sheet.signed,
                lines=caption(sheet.found, panel.one, place),
                provenance=provenance(sheet.found, panel.one, place),
            )
            for panel in panels
        ]
    )
