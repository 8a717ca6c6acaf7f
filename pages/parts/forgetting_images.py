"""Images that it used to know: right before, wrong now, with what it says now; and which classes those are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from pages.parts.figures import shown
from pages.parts.forgetting_known import Looked
from pages.parts.layers_table import numbers
from pages.parts.text import plain
from tlcore.figures.forgetting_lost import lost_classes, ordered
from tlcore.figures.words import count, percent, times
from tlcore.runs import Run

FIRST = 8  # shown at once; the rest is folded
WIDTH = 128  # pixels on the screen


def images(here: Looked, source: str) -> None:
    """The gallery and the classes; or why there are none."""
    st.header("Images it used to know")
    if here.found is None or here.done is None or source not in here.found["sources"]:
        st.caption(
            "Measure the run above: it then shows the images that it named rightly before, and what it says of them now."
        )
        return
    one = here.found["sources"][source]
    if changed := one.get("changed"):
        st.markdown(plain(changed_words(one, changed)))
    if one["lost_images"]:
        st.caption("The percentage is how much of its probability goes to that answer.")
        _row(here.done, one["lost_images"][:FIRST])
        if len(one["lost_images"]) > FIRST:
            with st.expander(times(len(one["lost_images"]) - FIRST, "more", "more")):
                _row(here.done, one["lost_images"][FIRST:])
    elif why := one["why"].get("lost_images"):
        st.caption(plain(why))
    figure, reading = lost_classes(one)
    if figure is None:
        st.caption(plain(reading))
        return
    st.subheader("Which classes")
    shown("lost-classes", here.run, figure, reading)
    numbers(here.run, "lost-classes", ordered(one))


def changed_words(source: Mapping[str, Any], changed: Mapping[str, int]) -> str:
    """How many images went each way."""
    of = f"of {times(source['images'], 'image')}"
    if source["measure"] == "agreement":
        return f"On {count(changed['lost'])} {of} it now says something else than the network that it started from."
    if not changed["lost"]:
        return f"It still names every image that it named rightly before ({of}); {count(changed['gained'])} more are right now."
    return (
        f"{count(changed['lost'])} {of} were right before and are wrong now; {count(changed['gained'])} were wrong and are "
        "right. Those that it is surest of now stand first."
    )


def _row(run: Run, items: list[dict[str, Any]]) -> None:
    with st.container(horizontal=True):
        for item in items:
            file = run.path / item["file"]
            if _inside(item["file"]) and file.is_file():
                with st.container(width=WIDTH, gap="xsmall"):
                    st.image(file.read_bytes(), width=WIDTH)
                    st.caption(_words(item))


def _words(item: dict[str, Any]) -> str:
    known = item.get("confidence")
    sure = "" if known is None else ", " + plain(percent(known, 0)).replace(" ", "\u00a0")
    before = item["truth"] if item["truth"] is not None else item["before"]
    title = "Truth" if item["truth"] is not None else "Before"
    return f"{title}: **{plain(before)}**  \nNow: **{plain(item['now'])}**{sure}"


def _inside(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts
