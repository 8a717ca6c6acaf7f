"""One image at a time, its maps side by side: as the network started, along its epochs, at its end, and other runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.explain_closer import closer
from pages.parts.explain_drawn import Sheet, name_of
from pages.parts.explain_epochs import epoch_in_view, kept_epochs
from pages.parts.explain_layers import layer_in_view, through_the_layers
from pages.parts.explain_legend import legend
from pages.parts.explain_png import Panel, save_view
from pages.parts.explain_step import Step
from pages.parts.explain_viewed import View
from pages.parts.text import plain
from tlcore.explain.gallery import TITLES
from tlcore.explain.looks import RUN, START
from tlcore.explain.methods import METHODS
from tlcore.figures.explain_overlay import STRENGTH
from tlcore.figures.explain_words import SILENT, asked_words
from tlcore.figures.words import percent

IN_A_ROW = 4
WEAK = 0.1  # of the scale, below which colours can hardly be seen
_LOGITS = (
    " The values are of the class's logit: a network whose logits are larger, as those of one that trained for longer mostly "
    "are, has stronger colours for the same sureness."
)
OWN_SCALE = (
    "Each map is on a scale of its own: its strongest place has the strongest colour, however weak its evidence is. Do not "
    "compare colours between these maps."
)


@st.fragment
def side_by_side(sheet: Sheet) -> None:
    """The image in view, its maps, a closer look at one of them; moving anything in here draws nothing else anew."""
    step = Step(sheet)
    place = step.buttons()
    told = sheet.images[place]
    _header(sheet, told)
    view = _controls(sheet, place)
    keys = _in_view(sheet)
    panels = _panels(sheet, view, keys)
    if view.own_scale:
        st.warning(OWN_SCALE, icon=":material/warning:")
    else:
        one = sheet.map(RUN, view.layer)
        legend(0.0 if one is None else sheet.scale(one, place, own=False), signed=sheet.signed)
    st.caption(plain(sheet.found["sentence"]))
    for key, why in sheet.found["why"].items():
        if any(look["key"] == key for look in sheet.found["looks"]):
            st.caption(plain(f"{name_of(sheet.found, key)} cannot be shown: {why}"))
    save_view(sheet, panels, told)
    through_the_layers(sheet, view, keys)
    closer(sheet, view, keys)


def _header(sheet: Sheet, told: Mapping[str, Any]) -> None:
    galleries = [TITLES[name].lower() for name in told["galleries"] if name in TITLES]
    columns = [f"{name}: {value}" for name, value in told["columns"].items() if value != told["truth"]]
    where = ", ".join([told["id"], *galleries, *columns])
    st.caption(plain(f"{asked_words(sheet.found, told)} {where}"))


def _controls(sheet: Sheet, place: int) -> View:
    run_id = sheet.answer.run.id
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    strength = left.slider(
        "Strength of the colours, %",
        0,
        100,
        round(100 * STRENGTH),
        5,
        key=f"explain-strength-{run_id}",
        help="How much of the picture the strongest evidence hides. At 0 the picture alone is left.",
    )
    by_class = METHODS[sheet.found["method"]].by_class
    own = middle.toggle(
        "Each map on its own scale",
        key=f"explain-own-scale-{run_id}",
        help="Off: all networks share one scale, so a weak map looks weak." + (_LOGITS if by_class else ""),
    )
    with right:
        layer = layer_in_view(sheet)
    return View(place, layer, strength / 100, own)


def _in_view(sheet: Sheet) -> list[str]:
    """The networks whose maps are drawn, in the order of their making; of the epochs the one under the slider."""
    keys = [look["key"] for look in sheet.found["looks"] if look["epoch"] is None]
    first = [key for key in (START,) if key in keys]
    epoch = epoch_in_view(sheet) if kept_epochs(sheet) else None
    rest = [key for key in keys if key not in (RUN, START)]
    return [key for key in (*first, *([epoch] if epoch else []), RUN, *rest) if key not in sheet.found["why"]]


def _panels(sheet: Sheet, view: View, keys: list[str]) -> list[Panel]:
    picture = sheet.picture(view.place)
    if picture is None:
        st.caption("The file of this image is not here any more.")
        return []
    panels = []
    cells = ["", *keys]
    for first in range(0, len(cells), IN_A_ROW):
        row = cells[first : first + IN_A_ROW]
        for column, key in zip(st.columns(max(3, len(row) if first == 0 else IN_A_ROW)), row, strict=False):
            with column:
                if not key:
                    st.markdown("**The image**")
                    st.image(picture, width="stretch")
                    st.caption(f"{len(picture)} pixels a side, as the network sees it.")
                elif (panel := _panel(sheet, view, key)) is not None:
                    panels.append(panel)
    return panels


def _panel(sheet: Sheet, view: View, key: str) -> Panel | None:
    """One network's map with what it answers."""
    st.markdown(f"**{plain(name_of(sheet.found, key))}**")
    one = sheet.map(key, view.layer)
    if one is None:
        st.caption(plain(f"This network has no layer {view.layer}."))
        return None
    scale = sheet.scale(one, view.place, own=view.own_scale)
    drawn = sheet.drawn(one, view.place, scale=scale, strength=view.strength)
    if drawn is None:
        return None
    st.image(drawn, width="stretch")
    told = sheet.images[view.place]
    answer = told["answers"].get(key)
    if answer is not None:
        right = answer["predicted"] == told["truth"]
        sign = ":green[:material/check:]" if right else ":orange[:material/close:]"
        sure = percent(max(answer["probabilities"]))
        st.markdown(f"{sign} {plain(answer['predicted'])}, {plain(sure)}")
    if one["silent"][view.place] and METHODS[sheet.found["method"]].by_class:
        st.markdown(f":material/visibility_off: **{SILENT}**")
    else:
        st.caption(plain(_strongest(one["peaks"][view.place], scale)))
    return Panel(one, drawn, scale)


def _strongest(peak: float, scale: float) -> str:
    """A map's largest value, and where its colours do not show it."""
    words = f"Strongest place: {peak:.3g}"
    if peak < WEAK * scale:
        return f"{words}, too weak to be seen on this scale"
    return f"{words}, above the scale" if peak > scale else words
