"""What a layer sees: first filters, what excites a channel, maps of one image, places as colours; two networks abreast."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from pages.parts.layer_excited import layer_excited
from pages.parts.layer_files import Eye, arrays, sheet
from pages.parts.text import plain
from tlcore.figures.layer_pictures import Sheet, colour_tiles, difference_tiles, filter_tiles, grid, map_tiles
from tlcore.figures.layer_seen import colours_reading, filters_reading, source_title
from tlcore.figures.words import count
from tlcore.runs import Run

COLUMNS = 8  # tiles in a row of filters and maps
TILE = 96  # pixels of an image
SMALL = 48  # of a filter or a map
NOTHING = "none"


def layer_seen(run: Run, result: Mapping[str, Any]) -> None:
    """Draw `result["seen"]` of a layers run, the images from `result["thumbnails"]`."""
    st.header("What a layer sees")
    seen = result.get("seen") or {}
    eyes = {source: Eye(source, about, found) for source, about in seen.items() if (found := arrays(run, about["file"]))}
    images = sheet(run, result["thumbnails"]) if eyes else None
    if images is None:
        st.caption("This run kept no pictures of what its layers see. Ask the layers again to have them.")
        return
    chosen, related, at = _choices(eyes, result.get("roots"))
    about = chosen[0].about["groups"][at]
    filters, excited, maps, colours = st.tabs(
        ["First filters", "What excites a channel", "Maps of one image", "Places as colours"], key="seen-tabs"
    )
    with filters:
        _filters(run, chosen, related)
    for tab in (excited, maps, colours) if about["why"] else ():
        tab.caption(plain(about["why"]))
    if about["why"]:
        return
    with excited:
        layer_excited(chosen, at, images, result["classes"], related=related)
    with maps:
        _maps(run, chosen, at, images)
    with colours:
        _colours(run, chosen, at, images)


def _choices(eyes: Mapping[str, Eye], roots: Mapping[str, str] | None) -> tuple[list[Eye], bool, int]:
    """One or two networks, whether both began with the same weights, and the place of a layer group."""
    left, middle, right = st.columns(3)
    first = left.selectbox("Before", list(eyes), format_func=source_title, key="seen-before")
    others = [name for name in eyes if name != first]
    runs = [name for name in others if name not in ("pretrained", "random")]
    second = middle.selectbox(
        "After, beside it",
        [NOTHING, *others],
        index=others.index(runs[0]) + 1 if runs else 0,
        format_func=lambda name: "Nothing" if name == NOTHING else source_title(name),
        key="seen-after",
        help=None if runs else "Lay finished runs of this backbone beside it to see what training changed.",
    )
    groups = [group["name"] for group in eyes[first].about["groups"]]
    at = right.selectbox("Layer group", range(len(groups)), len(groups) - 1, format_func=groups.__getitem__, key="seen-group")
    chosen = [eyes[first]] + ([eyes[second]] if second != NOTHING else [])
    if second == NOTHING or roots is None:  # in results from before roots were told
        return chosen, "random" not in (first, second), at
    return chosen, roots[first] == roots[second], at


def _filters(run: Run, eyes: Sequence[Eye], related: bool) -> None:
    about = eyes[0].about["filters"]
    if about is None:
        st.caption("This network's first layer is no plain convolution over the three colours: it has no filters to see.")
        return
    weights = [eye.arrays["filters"] for eye in eyes]
    tiles = filter_tiles(*weights)
    pictures = [(eye.title, grid(own, columns=COLUMNS, side=SMALL)) for eye, own in zip(eyes, tiles, strict=True)]
    compared = len(eyes) == 2 and related
    if compared and not np.array_equal(*weights):
        changes, times = difference_tiles(*weights)
        pictures.append((f"The difference, {_strength(times)} times as strong", grid(changes, columns=COLUMNS, side=SMALL)))
    _side_by_side(run, "filters", pictures)
    after, titles = weights[1] if compared else None, [eye.title for eye in eyes]
    reading = filters_reading(weights[0], after, titles, patches=about["patches"], everything=about["count"])
    st.caption(plain(reading))


def _strength(times: float) -> str:
    """3952.3 -> '4,000', 12.34 -> '12'."""
    return f"{float(f'{times:.2g}'):,.3g}" if times < 100 else count(float(f"{times:.2g}"))


def _maps(run: Run, eyes: Sequence[Eye], at: int, images: Sheet) -> None:
    about, shown = eyes[0].about["groups"][at], eyes[0].about["shown"]
    image = st.radio(
        "Image",
        range(len(shown)),
        format_func=lambda i: plain(f"{i + 1}: {shown[i]['class']}"),
        horizontal=True,
        key="maps-image",
    )
    st.image(images.tile(shown[image]["row"]), width=2 * TILE, caption=plain(shown[image]["id"]))
    tiles = map_tiles(*(eye.arrays[f"maps-{at}"][image] for eye in eyes))
    pictures = [(eye.title, grid(own, columns=COLUMNS, side=SMALL)) for eye, own in zip(eyes, tiles, strict=True)]
    _side_by_side(run, f"maps-{at}-{image}", pictures)
    channels = eyes[0].arrays[f"channels-{at}"]
    some = "All" if len(channels) == about["channels"] else f"{count(len(channels))} of the"
    scale = "in both pictures" if len(eyes) == 2 else "in this picture"
    st.caption(
        plain(
            f"{some} {count(about['channels'])} channels of {about['name']}, evenly spaced, row by row from channel "
            f"{channels[0]} to {channels[-1]}. Black is the lowest value of a channel {scale}, white the highest."
        )
    )


def _colours(run: Run, eyes: Sequence[Eye], at: int, images: Sheet) -> None:
    about, shown = eyes[0].about["groups"][at], eyes[0].about["shown"]
    if any(f"colours-{at}" not in eye.arrays for eye in eyes):
        rows, columns = about["map"]
        few = f"{about['name']} has {rows} × {columns} places and {count(about['channels'])} channels: too few to colour."
        st.caption(plain(few))
        return
    tiles, agreement = colour_tiles(*(eye.arrays[f"colours-{at}"] for eye in eyes))
    across = min(3, len(shown))
    pictures = [("The images", grid([images.tile(one["row"]) for one in shown], columns=across, side=TILE))]
    pictures += [(eye.title, grid(own, columns=across, side=TILE)) for eye, own in zip(eyes, tiles, strict=True)]
    _side_by_side(run, f"colours-{at}", pictures)
    shares = [eye.about["groups"][at]["colours"] for eye in eyes]
    st.caption(plain(colours_reading([eye.title for eye in eyes], shares, agreement, len(shown))))


def _side_by_side(run: Run, name: str, pictures: Sequence[tuple[str, np.ndarray]]) -> None:
    """Pictures abreast, each with its title and a button that saves it."""
    for place, (column, (title, picture)) in enumerate(zip(st.columns(max(2, len(pictures))), pictures, strict=False)):
        with column:
            st.markdown(f"**{plain(title)}**")
            st.image(picture, width="content")
            file = f"{run.id}-{name}-{place + 1}.png"
            st.download_button("PNG", _png(picture), file, "image/png", icon=":material/download:", key=f"save-{name}-{place}")


def _png(picture: np.ndarray) -> Callable[[], bytes]:
    """Made when somebody asks for it."""

    def made() -> bytes:
        content = io.BytesIO()
        Image.fromarray(picture).save(content, "PNG")
        return content.getvalue()

    return made
