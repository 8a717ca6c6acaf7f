"""The most confident errors, as pictures with the truth, the answer and its confidence."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from pages.parts.text import plain
from tlcore.figures.words import count, percent
from tlcore.runs import Run

FIRST = 6  # shown at once; the rest is folded
WIDTH = 140  # pixels on the screen


def errors_gallery(run: Run, result: dict[str, Any]) -> None:
    """Draw them, the most confident first."""
    errors = [error for error in result["errors"] if _inside(error["file"])]
    if not errors:
        return
    st.subheader("Most confident errors")
    most = errors[0]
    st.caption(
        plain(
            f"Look at these first: each is a wrong label, or something that the model does not see. The most confident one "
            f"says {most['predicted']!r} with {percent(most['confidence'], 0)} where the truth is {most['truth']!r}."
        )
    )
    _row(run, errors[:FIRST])
    if len(errors) > FIRST:
        with st.expander(f"{count(len(errors) - FIRST)} more"):
            _row(run, errors[FIRST:])


def _row(run: Run, errors: list[dict[str, Any]]) -> None:
    with st.container(horizontal=True):
        for error in errors:
            file = run.path / error["file"]
            if file.is_file():
                with st.container(width=WIDTH, gap="xsmall"):
                    st.image(file.read_bytes(), width=WIDTH)
                    st.caption(_words(error))


def _words(error: dict[str, Any]) -> str:
    sure = percent(error["confidence"], 0).replace(" ", "\u00a0")
    return f"Truth: **{plain(error['truth'])}**  \nAnswer: **{plain(error['predicted'])}**, {sure}"


def _inside(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts
