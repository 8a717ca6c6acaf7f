"""What asking the layers will cost, from what it cost before; and Start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import streamlit as st

from pages.parts.measured import find
from pages.parts.session import engine, told
from pages.parts.statewords import STATE_ICONS, STATE_WORDS, backbone_name
from pages.parts.summary import summaries
from pages.parts.text import plain
from tlcore.analysis.layers_time import estimate
from tlcore.figures.layers_words import time_words
from tlcore.figures.words import count, times
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import LayersSpec


def cost_and_start(spec: LayersSpec) -> None:
    """How much is looked at and about how long it takes; the button that starts it, or the way to where it stands."""
    with st.container(border=True):
        networks = len(spec.sources) + len(spec.runs)
        photographs = f", and {count(spec.photographs)} photographs beside them" if spec.photographs else ""
        st.markdown(
            f"**Up to {count(spec.images)} images pass once through {times(networks, 'network')}**{photographs}. Every layer "
            "group is asked on the way, and nothing is trained but a small probe on each."
        )
        st.caption(plain(_time(spec)))
        run = find(runs_dir(), spec)
        state = run.status().state if run is not None else None
        if run is not None and state in ("done", "queued", "running"):
            st.page_link(
                "layers.py",
                label=f"{STATE_WORDS[state]}: see it",
                icon=STATE_ICONS[state],
                query_params={"run": run.id},
            )
        elif st.button("Ask the layers", type="primary", icon=":material/play_arrow:", width=220):
            with told():
                look_at(engine().submit(spec))


def look_at(run: Run) -> None:
    """Make the address name it, and show it."""
    st.query_params.from_dict({"run": run.id})
    st.rerun()


def _time(spec: LayersSpec) -> str:
    found = estimate(spec, _earlier())
    if found is not None:
        return time_words(found)
    return (
        f"How long that takes is not known yet: {backbone_name(spec.run.backbone)} was not asked here at "
        f"{spec.run.image_size} px. It shows how far it is, and can be cancelled."
    )


def _earlier() -> Iterator[tuple[LayersSpec, dict[str, Any]]]:
    for summary in summaries("layers"):
        if summary.state == "done" and (result := summary.run.result()) is not None:
            assert isinstance(summary.spec, LayersSpec)
            yield summary.spec, result
