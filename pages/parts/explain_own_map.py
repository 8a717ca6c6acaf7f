"""A person's own picture as the network saw it, and where the network looks in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from pages.parts.explain_drawn import name_of
from pages.parts.explain_legend import legend
from pages.parts.figures import shown
from pages.parts.layer_files import arrays, picture_in
from pages.parts.text import plain
from tlcore.explain.grid import enlarged
from tlcore.explain.methods import METHODS
from tlcore.figures.explain_closer import closer
from tlcore.figures.explain_overlay import STRENGTH, exported, overlay
from tlcore.figures.explain_words import SILENT, answer_words, asked_words, caption, own_scale, provenance, scales
from tlcore.runs import Run

WIDTH = 340  # pixels on the screen
_OWN = "The scale is this picture's own: its colours cannot be held against those of another one."
_OF_THE_RUN = "The scale is the run's: the strongest places of nine in ten of its test images stay below the strongest colour."


def looked_at(job: Run, result: Mapping[str, Any]) -> None:
    """The picture and a map of every network that was asked, on one scale."""
    st.subheader("Where it looks")
    picture, saved = picture_in(job, result["picture"]["file"]), arrays(job, result["file"])
    if picture is None or saved is None:
        st.caption("The picture or its maps are not here any more. Bring it again to see them.")
        return
    method = METHODS[result["method"]]
    strength = st.slider("Strength of the map", 0.0, 1.0, STRENGTH, 0.05, key="explain-own-strength", width=WIDTH)
    shared = scales(result)
    several = len(set(shared.values())) > 1  # layers have values of different kinds, and each its own scale
    drawn = {}
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=WIDTH, gap="xsmall"):
            st.image(picture, width=WIDTH)
            st.caption(plain(f"Your picture as the network sees it: {len(picture)} x {len(picture)} pixels."))
        for one in result["maps"]:
            values = enlarged(saved[one["key"]][:1], len(picture))[0]
            drawn[one["key"]] = overlay(picture, values, scale=shared[one["key"]], strength=strength, signed=method.signed)
            with st.container(width=WIDTH, gap="xsmall"):
                st.image(drawn[one["key"]], width=WIDTH)
                layer = f", {one['layer']}" if one["layer"] else ""
                words = f"{name_of(result, one['look'])}{layer}. {answer_words(result['picture'], one['look'])}"
                st.caption(plain(words))
                if one["silent"][0] and method.by_class:
                    st.caption(f":material/info: {SILENT}")
                if several:
                    legend(shared[one["key"]], signed=method.signed)
    st.markdown(plain(asked_words(result, result["picture"])))
    if not several:
        legend(max(shared.values(), default=0.0), signed=method.signed)
    _closer(job, result, picture, saved, shared, strength)
    st.caption(plain(f"{method.title}: {method.sentence} {_OWN if own_scale(result) is None else _OF_THE_RUN}"))
    _downloads(job, result, drawn, shared)


def _closer(
    job: Run,
    result: Mapping[str, Any],
    picture: np.ndarray,
    saved: Mapping[str, np.ndarray],
    shared: Mapping[str, float],
    strength: float,
) -> None:
    """A map's own places, each with its number on hover."""
    with st.expander("A closer look: the map's own places and their numbers", icon=":material/zoom_in:"):
        told = {one["key"]: ", ".join(filter(None, (name_of(result, one["look"]), one["layer"]))) for one in result["maps"]}
        key = result["maps"][0]["key"]
        if len(told) > 1:
            key = st.selectbox("Map", list(told), format_func=told.__getitem__, key="explain-own-closer")
        signed = METHODS[result["method"]].signed
        shown("explain-own-closer", job, closer(picture, saved[key][0], scale=shared[key], strength=strength, signed=signed))


def _downloads(job: Run, result: Mapping[str, Any], drawn: Mapping[str, np.ndarray], shared: Mapping[str, float]) -> None:
    signed = METHODS[result["method"]].signed
    with st.container(horizontal=True):
        for place, one in enumerate(result["maps"]):
            several = f" {place + 1}" if len(result["maps"]) > 1 else ""
            content = exported(
                drawn[one["key"]],
                scale=shared[one["key"]],
                signed=signed,
                lines=caption(result, one, 0),
                provenance=provenance(result, one, 0),
            )
            st.download_button(
                f"Map{several} as PNG",
                content,
                f"{job.id}-{place}.png",
                "image/png",
                icon=":material/download:",
                key=f"explain-own-png-{place}",
                on_click="ignore",
                help="With its legend, and where it comes from.",
            )
        st.download_button(
            "The numbers of the maps",
            lambda: (job.path / "maps.npz").read_bytes(),
            f"{job.id}-maps.npz",
            "application/octet-stream",
            icon=":material/download:",
            key="explain-own-npz",
            on_click="ignore",
        )
        st.download_button(
            "The answer as JSON",
            lambda: json.dumps(result["picture"], indent=1),
            f"{job.id}.json",
            "application/json",
            icon=":material/download:",
            key="explain-own-json",
            on_click="ignore",
        )
