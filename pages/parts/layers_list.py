"""Earlier analyses of the folder of runs, a line each."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from pages.parts.statewords import STATE_ICONS, STATE_WORDS
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.figures.layers_words import level_words
from tlcore.figures.words import times
from tlcore.runs import Run
from tlcore.spec import LayersSpec

LINES = 10


def earlier() -> None:
    """Draw the list, or what to do where there is none."""
    st.subheader("Earlier analyses")
    found = summaries("layers")
    if not found:
        st.caption(
            "None yet. The choices above work as they stand: press Ask the layers, and what it finds stays here, to be "
            "opened again or sent as a link."
        )
    for summary in found[:LINES]:
        _line(summary)
    if len(found) > LINES:
        with st.expander(times(len(found) - LINES, "older one")):
            for summary in found[LINES:]:
                _line(summary)


def title_of(spec: LayersSpec, backbone: str, dataset: str) -> str:
    """'EfficientNet-Lite0 on Chest X-rays, beside 2 runs'."""
    return f"{backbone} on {_about(spec, dataset)}"


def _about(spec: LayersSpec, what: str) -> str:
    return what + (f", beside {times(len(spec.runs), 'run')}" if spec.runs else "")


def _line(summary: Summary) -> None:
    assert isinstance(summary.spec, LayersSpec)
    name, about, standing = st.columns([3, 4, 3], vertical_alignment="center")
    asked = summary.spec
    # What tells them apart, and the numbers first: a link's label is cut where a phone ends.
    link = plain(f"{times(asked.images, 'image')} at {asked.run.image_size} px, {summary.dataset}")
    name.page_link("layers.py", label=link, icon=STATE_ICONS[summary.state], query_params={"run": summary.id})
    when = datetime.fromtimestamp(summary.status.queued_at, UTC).strftime("%d %b %Y, %H:%M UTC")
    about.caption(plain(f"{_about(asked, summary.backbone)}; {when}"))
    standing.caption(plain(_found(summary.run) if summary.state == "done" else STATE_WORDS[summary.state]))


def _found(run: Run) -> str:
    path = run.path / "result.json"
    return _recommended(str(path), path.stat().st_mtime_ns) if path.is_file() else "Its result is missing"


@st.cache_data(show_spinner=False, max_entries=200)
def _recommended(path: str, _changed: int) -> str:
    result = Run(Path(path).parent).result()
    advice = result["recommendation"] if result else None
    return "No level is recommended" if advice is None else level_words(advice)
