"""What becomes of the frozen layers, in words: before a run as it would go, after it as it went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.text import plain
from tlcore.figures.cut_words import did_sentence, format_sentence, way_sentences


def how_it_goes(cut: Mapping[str, Any] | None) -> None:
    """Each phase's way and the number format, for the plan."""
    for sentence in _sentences(cut):
        st.caption(plain(sentence))


def how_it_went(result: Mapping[str, Any]) -> None:
    """What the cut did in a finished run, with the details folded away."""
    did = did_sentence(result)
    if did:
        st.markdown(f":material/ac_unit: {plain(did)}")
    sentences = _sentences(result.get("cut"))
    if sentences:
        with st.expander("How the frozen layers were computed", icon=":material/content_cut:"):
            st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences))


def _sentences(cut: Mapping[str, Any] | None) -> list[str]:
    return [sentence for sentence in (*way_sentences(cut), format_sentence(cut)) if sentence] if cut else []
