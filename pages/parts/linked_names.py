"""Names that a link to the Compare page asks for: those that are offered, and a sentence for each that is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import streamlit as st

from pages.parts.session import say

_WHAT = {"dataset": "dataset", "strategies": "strategy", "backbones": "backbone"}  # a word of the link, and of what it names


def asked_for(word: str) -> list[str]:
    """The names after `word` in the page's link."""
    return [name for part in st.query_params.get(word, "").split(",") if (name := part.strip())]


def offered(word: str, known: Iterable[str]) -> list[str]:
    """Those asked for that are among `known`; of each other one it is said, with what it may mean and what there is."""
    names = list(known)
    for name in asked_for(word):
        if name not in names and is_name(name):
            close = difflib.get_close_matches(name, names, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            say(f"The link asks for the {_WHAT[word]} {name[:60]!r}, which is not offered here.{meant}", _choose(word, names))
    return [name for name in asked_for(word) if name in names]


def is_name(text: str) -> bool:
    """Whether it could be a catalogued name: data of one's own and variants of strategies are said in other ways."""
    return not any(sign in text for sign in "/\\:") and not text.startswith("upload-")


def _choose(word: str, names: list[str]) -> str:
    catalogued = [name for name in names if is_name(name)]
    return f"Choose one of: {', '.join(catalogued)}" + (", or your own on the Data page." if word == "dataset" else ".")
