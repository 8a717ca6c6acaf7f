"""The stack: the picture that holds the product together, as one function for every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.script import join
from tlcore.figures.palette import ICE, WARM
from tlcore.strategies import Plan

_component = st.components.v2.component(
    "thaw_stack",
    html='<div class="root"></div>',
    css=join("stack.css"),
    js=join("draw.js", "cut.js", "stack_draw.js", "stack.js"),
)


def stack(
    plan: Plan,
    *,
    key: str,
    image_size: int | None = None,
    drift: Mapping[str, float] | None = None,
    cut: Mapping[str, Any] | None = None,
) -> None:
    """Draw the layer groups of `plan` as slabs: frozen is ice, thawed is warm, warmer is a higher rate; one column per phase.

    `drift` (how far each group has moved, as a share of its weights' norm) fills the slabs that trained; `cut` (as in
    tlcore/README.md) draws the line below which each picture is computed once.
    """
    image = "image" if image_size is None else f"image, {image_size} × {image_size} px"
    data = {"plan": plan.as_dict(), "image": image, "drift": drift, "cut": cut, "ice": ICE, "warm": WARM}
    _component(key=key, data=data)
