"""Go to the Train form with a spec filled in: nothing starts by itself."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts.choices import fill
from pages.parts.form import fields_of, to_link
from pages.parts.session import told
from tlcore.errors import ThawError
from tlcore.groups import Group
from tlcore.models.catalogue import backbone_card
from tlcore.spec import RunSpec


def refill(spec: RunSpec, *, first: Callable[[], object] | None = None) -> None:
    """Do what comes `first`, fill in the form and show it. Where the form has no controls for the spec, only say so."""
    with told():
        fields = fields_of(spec, _groups_of(spec.backbone))
        if first is not None:
            first()
        fill(fields)
        st.query_params.from_dict(to_link(fields))
        st.rerun()


def _groups_of(backbone: str) -> tuple[Group, ...]:
    try:
        return backbone_card(backbone).groups_with_head(2)
    except ThawError:
        return ()
