"""What excites a channel: the images in which its map has its largest values, with the place marked; two networks abreast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from pages.parts.layer_files import Eye
from pages.parts.text import plain
from tlcore.figures.layer_pictures import Sheet, grid, marked
from tlcore.figures.layer_seen import change, excited_reading
from tlcore.figures.words import count, listing

CHANNELS = 6  # shown at once
TILE = 96  # pixels of an image


def layer_excited(eyes: Sequence[Eye], at: int, images: Sheet, classes: Sequence[str], *, related: bool) -> None:
    """Draw the channels of the group at place `at`, of one or two networks."""
    about = eyes[0].about["groups"][at]
    labels = eyes[0].arrays["labels"]
    lists = [(eye.title, eye.arrays[f"images-{at}"], eye.arrays[f"alive-{at}"]) for eye in eyes]
    st.caption(plain(excited_reading(about["name"], lists, labels, related=related)))
    for channel in _chosen(lists, labels, at, related):
        st.markdown(f"**Channel {channel}**")
        for column, eye in zip(st.columns(2), eyes, strict=False):
            with column:
                picture, words = _pictures(eye, at, channel, images, about["map"], classes)
                st.image(picture, width="content")
                st.caption(plain(f"{eye.title}: {words}"))
    rows, columns = about["map"]
    where = f"the frame is that value's place among {rows} × {columns}. What a place sees reaches beyond its frame."
    if rows * columns == 1:
        where = f"{about['name']} has one place alone, the whole image, so none is marked."
    looked_at = count(eyes[0].about["looked_at"])
    st.caption(
        plain(f"Of {looked_at} images, those in which the channel's map has its largest value, the strongest first; {where}")
    )


def _chosen(lists: Sequence[tuple[str, np.ndarray, np.ndarray]], labels: np.ndarray, at: int, related: bool) -> Sequence[int]:
    """A page of the channels that any image moves, in the order asked for."""
    by = {"Those of one class first": [-np.bincount(labels[own]).max() for own in lists[0][1]], "In their order": None}
    if len(lists) == 2 and related:
        by = {"Those that changed most first": list(change(lists[0][1], lists[1][1], len(labels)).shared), **by}
    left, right = st.columns(2)
    how = left.selectbox("Channels", list(by), key=f"excited-order-{len(by)}")
    alive = np.flatnonzero(lists[0][2]).tolist()
    ranks = by[how]
    ordered = alive if ranks is None else sorted(alive, key=ranks.__getitem__)
    pages = max(1, -(-len(ordered) // CHANNELS))
    page = right.number_input(f"Page, of {count(pages)}", 1, pages, 1, key=f"excited-{at}-{how}", disabled=pages == 1)
    return ordered[(page - 1) * CHANNELS : page * CHANNELS]


def _pictures(
    eye: Eye, at: int, channel: int, images: Sheet, size: Sequence[int], classes: Sequence[str]
) -> tuple[np.ndarray, str]:
    """A channel's images in two rows, and of which classes they are."""
    rows, places = eye.arrays[f"images-{at}"][channel], eye.arrays[f"places-{at}"][channel]
    tiles = [images.tile(int(row)) for row in rows]
    if max(size) > 1:
        tiles = [marked(tile, place, size, side=TILE) for tile, place in zip(tiles, places, strict=True)]
    numbers = np.bincount(eye.arrays["labels"][rows], minlength=len(classes))
    largest = [label for label in np.argsort(-numbers, kind="stable")[:3] if numbers[label]]
    rest = len(rows) - int(numbers[largest].sum())
    named = [f"{numbers[label]} × {classes[label]}" for label in largest] + ([f"{rest} of others"] if rest else [])
    return grid(tiles, columns=-(-len(tiles) // 2), side=TILE), listing(named)
