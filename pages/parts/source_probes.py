"""What it still knows: the control under More settings, and the line beside the plan that says what it costs, or why it is "
"off."""

from __future__ import annotations

import streamlit as st

from pages.parts.choices import key
from pages.parts.measured import find, measure_spec
from pages.parts.probe_fields import AUTO, OFFERED, cost_words, title_of, why_not
from pages.parts.text import plain
from tlcore.data.card import DatasetCard
from tlcore.settings import runs_dir
from tlcore.source_probes.catalogue import SOURCES
from tlcore.spec import RunSpec


def source_probes() -> None:
    """Draw the control."""
    asked = st.session_state[key("source_probes")]
    st.markdown("**What it still knows of before**")
    st.selectbox(
        "Ask it after every epoch",
        [*OFFERED, *([] if asked in OFFERED else [asked])],
        key=key("source_probes"),
        format_func=title_of,
        help="Fine-tuning makes a network forget. "
        + " ".join(f"{card.title}: {card.sentence} {card.needs}" for card in SOURCES.values())
        + " No number of the training changes by it.",
    )


def probe_note(spec: RunSpec, data: DatasetCard) -> None:
    """One line beside the plan: what is asked and what that costs; where nothing is asked by itself, why."""
    if not spec.source_probes:
        why = why_not(spec.strategy, spec.head) if st.session_state[key("source_probes")] == AUTO else ""
        if why:
            st.caption(f":material/history: {plain(f'What it forgets is not measured. {why}')}")
        return
    images = data.images["train"] if data.images else None
    if images is not None and spec.images_per_class is not None:
        images = min(images, spec.images_per_class * max(2, len(data.classes)))
    st.caption(f":material/history: {plain(cost_words(spec, images, _pace(spec, data)))}")


def _pace(spec: RunSpec, data: DatasetCard) -> float | None:
    """Images that a look asks that network in a second on this machine, where it was measured."""
    wanted = measure_spec(spec, data)
    run = None if wanted is None else find(runs_dir(), wanted)
    result = run.result() if run is not None and run.status().state == "done" else None
    return ((result or {}).get("source") or {}).get("images_per_second")
