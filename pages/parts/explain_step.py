"""Which image is in view: stepped through by buttons, chosen in a gallery, kept in the link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts.explain_drawn import Sheet
from pages.parts.text import plain


@dataclass(frozen=True)
class Step:
    """The place of the image in view among those of an explanation, one for each session and explanation."""

    sheet: Sheet

    @property
    def _key(self) -> str:
        return f"explain-place-{self.sheet.answer.run.id}"

    @property
    def order(self) -> Sequence[int]:
        """The images gallery by gallery, each once; as they come where there are no galleries."""
        told = [place for places in self.sheet.found["galleries"].values() for place in places]
        return list(dict.fromkeys([*told, *range(len(self.sheet.images))]))

    @property
    def place(self) -> int:
        """The image in view: at first that of the link, or the first of the first gallery."""
        if self._key not in st.session_state:
            linked = st.query_params.get("image")
            known = {told["id"]: place for place, told in enumerate(self.sheet.images)}
            st.session_state[self._key] = known.get(linked, self.order[0]) if linked else self.order[0]
        return st.session_state[self._key]

    def look_at(self, place: int, far: bool = False) -> None:
        """Put an image in view, and into the link; pressed `far` away from where it is shown, the page goes there."""
        st.session_state[self._key] = place
        st.session_state[f"{self._key}-far"] = st.session_state.get(f"{self._key}-far", 0) + far
        st.query_params["image"] = self.sheet.images[place]["id"]

    @property
    def pressed_far(self) -> int:
        """How often an image was chosen from far away."""
        return st.session_state.get(f"{self._key}-far", 0)

    def buttons(self) -> int:
        """Previous and next, and where one stands; returns the place in view."""
        order = self.order
        at = order.index(self.place)
        line = st.container(horizontal=True, vertical_alignment="center")
        for label, key, icon, to in (("Previous", "P", "chevron_left", at - 1), ("Next", "N", "chevron_right", at + 1)):
            line.button(
                label,
                icon=f":material/{icon}:",
                shortcut=key,
                disabled=not 0 <= to < len(order),
                key=f"{self._key}-{label.lower()}",
                on_click=self.look_at,
                args=(order[to % len(order)],),
            )
        truth = plain(self.sheet.images[self.place]["truth"])
        line.markdown(f"**{at + 1}** of {len(order)} images. The truth: **{truth}**")
        return self.place
