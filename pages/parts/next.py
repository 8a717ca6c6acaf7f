"""What to try next: buttons that fill in the form with a changed spec, each with its reason."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.choices import fill
from pages.parts.form import Fields, fields_of, to_link
from pages.parts.text import plain
from tlcore.errors import ThawError
from tlcore.figures.advice import suggestions
from tlcore.models.catalogue import backbone_card
from tlcore.spec import RunSpec


def next_steps(spec: RunSpec, result: dict[str, Any]) -> None:
    """Draw the suggestions; pressing one only fills in the form."""
    st.subheader("What to try next")
    ideas = suggestions(spec, result)
    for place, (column, idea) in enumerate(zip(st.columns(len(ideas)), ideas, strict=True)):
        with column:
            if st.button(idea.title, key=f"next-{place}", width="stretch"):
                fields = _fields(idea.spec)
                fill(fields)
                st.query_params.from_dict(to_link(fields))
                st.rerun()
            st.caption(plain(idea.reason))


def _fields(spec: RunSpec) -> Fields:
    try:
        groups = backbone_card(spec.backbone).groups_with_head(2)
    except ThawError:
        groups = ()
    return fields_of(spec, groups)
