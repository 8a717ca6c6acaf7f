"""A number of the form, which may be typed wrongly: what is wrong is said below it, and nothing starts."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.choices import key
from pages.parts.form import allowed
from pages.parts.text import plain
from tlcore.errors import SpecError
from tlcore.spec import RunSpec, make

_MOST = 2**53 - 1  # what a browser counts to


def number(label: str, name: str, *, whole: bool = True, **how: Any) -> None:
    """Draw the field `name` of a run.

    The box itself has no limits: with them the browser would keep a number out of range to itself, and the run would start with
    the one before.
    """
    most = _MOST if whole else float(_MOST)
    value = st.number_input(label, -most, most, key=key(name), **how)
    try:
        make(RunSpec, **{"dataset": "x", name: value})
    except SpecError:
        st.caption(f":red[:material/error: {plain(label)} must be {plain(allowed(name))}, not {value:g}.]")
