"""A closer look at one map: its own places with their numbers, and how much of it lies in a region that a person draws."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts.explain_drawn import Sheet, name_of
from pages.parts.explain_region import over_images
from pages.parts.explain_viewed import View
from pages.parts.figures import shown
from pages.parts.text import plain
from tlcore.explain.inside import share
from tlcore.explain.looks import RUN
from tlcore.explain.region import Region, area_of, mask_of
from tlcore.figures.explain_closer import closer as closer_figure
from tlcore.figures.explain_closer import region_words
from tlcore.figures.words import percent

WHOLE = (25, 75)  # per cent: where a region begins


def closer(sheet: Sheet, view: View, keys: Sequence[str]) -> None:
    """The map as a figure, its sentence, and the region."""
    st.subheader("A closer look")
    picture = sheet.picture(view.place)
    if picture is None:
        return
    figure, words = st.columns([3, 2], gap="large")
    with words:
        key = st.segmented_control(
            "Network",
            list(keys),
            default=RUN,
            required=True,
            format_func=lambda key: name_of(sheet.found, key),
            key=f"explain-closer-of-{sheet.answer.run.id}-{'-'.join(keys)}",
        )
        one = sheet.map(key, view.layer)
        if one is None:
            st.caption(plain(f"This network has no layer {view.layer}."))
            return
        values = sheet.values(one, view.place)
        rows, columns = values.shape
        own = f"The map's own {rows} × {columns} places, not smoothed" if rows < len(picture) else "A value for each pixel"
        st.caption(plain(f"{own}. Point at one to read its number."))
        region = _region(sheet)
        if region is not None:
            _shares(sheet, view, keys, region)
            over_images(sheet, region)
    with figure:
        scale = sheet.scale(one, view.place, own=view.own_scale)
        chart = closer_figure(picture, values, scale=scale, strength=view.strength, signed=sheet.signed, region=region)
        shown("explain-closer", sheet.answer.run, chart)


def _region(sheet: Sheet) -> Region | None:
    run_id = sheet.answer.run.id
    if not st.toggle(
        "Mark a region",
        key=f"explain-region-{run_id}",
        help="Where should the evidence be? Or where should it not, as at a marker in a corner? Any region can be asked.",
    ):
        return None
    across = st.slider("From left to right, %", 0, 100, WHOLE, key=f"explain-region-x-{run_id}")
    down = st.slider("From top to bottom, %", 0, 100, WHOLE, key=f"explain-region-y-{run_id}")
    if across[0] == across[1] or down[0] == down[1]:
        st.caption("The region is empty: draw its ends apart.")
        return None
    return across[0] / 100, across[1] / 100, down[0] / 100, down[1] / 100


def _shares(sheet: Sheet, view: View, keys: Sequence[str], region: Region) -> None:
    area = area_of(region)
    st.caption(plain(f"The region is {percent(area)} of the picture, and has as much of a map that is even everywhere."))
    maps = {key: one for key in keys if (one := sheet.map(key, view.layer)) is not None}
    for key, one in maps.items():
        inside = share(sheet.values(one, view.place)[None], mask_of(region)[None])[0]
        st.markdown(f"- {plain(region_words(name_of(sheet.found, key), float(inside), area))}")
