"""The layers: which one the maps side by side are of, and one network's maps through all of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts.explain_drawn import Sheet, name_of
from pages.parts.explain_viewed import View
from pages.parts.text import plain
from tlcore.explain.looks import RUN
from tlcore.figures.explain_words import SILENT

IN_A_ROW = 4


def layer_in_view(sheet: Sheet) -> str | None:
    """The layer of the maps side by side: the last, unless another is chosen; said where there is but one."""
    layers = sheet.layers
    if len(layers) < 2:
        if layers[0] is not None:
            st.caption(plain(f"Layer: {layers[0]}. Ask for all layers above to see how evidence gathers."))
        return layers[0]
    return st.selectbox(
        "Layer", list(reversed(layers)), key=f"explain-layer-shown-{sheet.answer.run.id}", help="The last stands first."
    )


def through_the_layers(sheet: Sheet, view: View, keys: Sequence[str]) -> None:
    """One network's maps from the image to the head; nothing where one layer was asked for."""
    layers = sheet.layers
    if len(layers) < 2:
        return
    st.subheader("Through the layers")
    key = st.segmented_control(
        "Network",
        list(keys),
        default=RUN,
        required=True,
        format_func=lambda key: name_of(sheet.found, key),
        key=f"explain-layers-of-{sheet.answer.run.id}-{'-'.join(keys)}",
    )
    scales = "Each map is on a scale of its own." if view.own_scale else "Each layer has a scale, the same for all networks."
    st.caption(f"From the image to the head. Layers have values of different kinds. {scales}")
    drawn = [(layer, one) for layer in layers if (one := sheet.map(key, layer)) is not None]
    for first in range(0, len(drawn), IN_A_ROW):
        for column, (layer, one) in zip(st.columns(IN_A_ROW), drawn[first : first + IN_A_ROW], strict=False):
            with column:
                scale = sheet.scale(one, view.place, own=view.own_scale)
                pixels = sheet.drawn(one, view.place, scale=scale, strength=view.strength)
                if pixels is None:
                    continue
                st.image(pixels, width="stretch")
                rows, columns = sheet.values(one, view.place).shape
                words = f"{layer}: {rows} × {columns} places, up to {scale:.3g}"
                st.caption(plain(f"{words}. {SILENT}" if one["silent"][view.place] else words))
