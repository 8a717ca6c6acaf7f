"""Pictures, maps and networks of an explanation as they are drawn: read once, overlaid when they are shown."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from pages.parts.explain_known import Answer
from pages.parts.layer_files import arrays, picture_in
from pages.parts.summary import summaries
from tlcore.explain.grid import enlarged
from tlcore.explain.looks import RUN, START
from tlcore.explain.methods import METHODS
from tlcore.figures.explain_overlay import STRENGTH, overlay
from tlcore.figures.explain_words import look_title, scales

THUMBNAIL = 148  # pixels: two abreast on a phone


@dataclass(frozen=True)
class Sheet:
    """The maps of one explanation, ready to be laid over their pictures."""

    answer: Answer
    arrays: Mapping[str, np.ndarray]

    @property
    def found(self) -> Mapping[str, Any]:
        return self.answer.found

    @property
    def images(self) -> Sequence[Mapping[str, Any]]:
        return self.found["images"]

    @property
    def signed(self) -> bool:
        return METHODS[self.found["method"]].signed

    @property
    def layers(self) -> list[str | None]:
        """Those that the run was asked at, from the image to the head."""
        return [one["layer"] for one in self.found["maps"] if one["look"] == RUN]

    @cached_property
    def _shared(self) -> dict[str, float]:
        return scales(self.found)

    def map(self, look: str, layer: str | None) -> Mapping[str, Any] | None:
        """The entry of a network's maps at a layer; a network without that layer has its last one where it stands for it."""
        own = [one for one in self.found["maps"] if one["look"] == look and one["key"] in self.arrays]
        if layer == self.layers[-1]:
            return own[-1] if own else None
        return next((one for one in own if one["layer"] == layer), None)

    def scale(self, one: Mapping[str, Any], place: int, *, own: bool) -> float:
        """The value that has the strongest colour: the one that all maps share, or this map's own largest."""
        return float(one["peaks"][place]) if own else self._shared[one["key"]]

    def values(self, one: Mapping[str, Any], place: int) -> np.ndarray:
        """A map's own numbers, float32 (h, w)."""
        return self.arrays[one["key"]][place]

    def picture(self, place: int) -> np.ndarray | None:
        """The image as the network saw it, uint8 (S, S, 3); None where its file is gone."""
        return picture_in(self.answer.run, self.images[place]["file"])

    def drawn(self, one: Mapping[str, Any], place: int, *, scale: float, strength: float) -> np.ndarray | None:
        """A map over its picture, uint8 (S, S, 3)."""
        picture = self.picture(place)
        if picture is None:
            return None
        values = enlarged(self.values(one, place)[None], len(picture))[0]
        return overlay(picture, values, scale=scale, strength=strength, signed=self.signed)

    def thumbnail(self, place: int, *, with_map: bool) -> bytes | None:
        """A small JPEG for the galleries, the run's map over it or not."""
        path = self.answer.run.path
        changed = (path / "result.json").stat().st_mtime_ns
        return _thumbnail(self, str(path), changed, place, with_map)


def sheet(answer: Answer) -> Sheet | None:
    """The maps of an explanation; None where their file is gone."""
    found = arrays(answer.run, answer.found["file"])
    return None if found is None else Sheet(answer, found)


def name_of(found: Mapping[str, Any], key: str) -> str:
    """What a network is called over its map."""
    if key == RUN:
        return "This run"
    if key == START:
        return "As it started"
    run_id = next(look["run"] for look in found["looks"] if look["key"] == key)
    known = next((one for one in summaries() if one.id == run_id), None)
    return f"{known.strategy}, run {known.label}" if known is not None and key.startswith("run:") else look_title(found, key)


@st.cache_data(show_spinner=False, max_entries=1024)
def _thumbnail(_sheet: Sheet, path: str, changed: int, place: int, with_map: bool) -> bytes | None:
    one = _sheet.map(RUN, _sheet.layers[-1]) if with_map else None
    if one is None:
        pixels = _sheet.picture(place)
    else:
        pixels = _sheet.drawn(one, place, scale=_sheet.scale(one, place, own=False), strength=STRENGTH)
    if pixels is None:
        return None
    content = io.BytesIO()
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    small.save(content, "JPEG", quality=90)
    return content.getvalue()
