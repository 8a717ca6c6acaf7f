"""Which images are worth a look: the galleries, filtered by class and by what else is told of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts.explain_drawn import THUMBNAIL, Sheet
from pages.parts.explain_step import Step
from pages.parts.session import engine, told
from pages.parts.text import plain
from tlcore.explain.gallery import CLASS, SENTENCES, TITLES
from tlcore.explain.looks import RUN
from tlcore.figures.words import percent
from tlcore.spec import ExplainSpec, make

VIEWER = "explain-viewer"  # the container that a press brings into view
_NOT_TOLD = "not told"
FIRST = 12  # shown at once; the rest is folded
_EMPTY = {
    "right": "No image was named rightly: the run has learned nothing that these images show.",
    "wrong": "No image was named wrongly. That says that these are easy for it, and not that it never errs.",
    "unsure": "There is no image.",
    "changed": "No image is answered otherwise than by a probe of the network as it started: training the backbone changed no "
    "answer here.",
}
_NO_START = "The network as it started was not laid beside, so nobody can tell which answers changed."


def galleries(sheet: Sheet) -> None:
    """The filters, and each gallery that the explanation chose; images that were named stand in one."""
    st.header("Images worth a look")
    only = sheet.answer.spec.only
    if only:
        st.info(plain(f"Chosen among images with {', '.join(only)} alone."), icon=":material/filter_alt:")
    kept, with_maps = _filters(sheet)
    chosen = sheet.found["galleries"]
    if not chosen:
        _gallery(sheet, "named", [place for place in range(len(sheet.images)) if place in kept], with_maps)
        return
    started = any(look["key"] == "start" for look in sheet.found["looks"]) and "start" not in sheet.found["why"]
    for name, title in TITLES.items():
        places = chosen.get(name)
        heading = f"{title}" if not places else f"{title} ({len([p for p in places if p in kept])} of {len(places)})"
        st.subheader(heading, help=SENTENCES[name])
        if places is None or (name == "changed" and not places and not started):
            st.caption(_NO_START)
        elif not places:
            st.caption("No image of those that it was chosen among." if only else _EMPTY[name])
        elif not any(place in kept for place in places):
            st.caption("None of this gallery is among what the filters leave.")
        else:
            _gallery(sheet, name, [place for place in places if place in kept], with_maps)


def _filters(sheet: Sheet) -> tuple[set[int], bool]:
    """The places that are kept, and whether maps are drawn."""
    images, run_id = sheet.images, sheet.answer.run.id
    columns = {name for told in images for name in told["columns"]}
    told = {CLASS: [one["truth"] for one in images]}
    told |= {name: [one["columns"].get(name, _NOT_TOLD) for one in images] for name in sorted(columns - {CLASS})}
    told = {name: values for name, values in told.items() if name == CLASS or values != told[CLASS]}
    kept, only = set(range(len(images))), []
    boxes = st.columns(min(4, len(told)) + 1, vertical_alignment="bottom")
    for place, (name, values) in enumerate(told.items()):
        title = "Class" if name == CLASS else name
        wanted = boxes[place % (len(boxes) - 1)].multiselect(
            title,
            sorted(set(values)),
            placeholder="all",
            key=f"explain-filter-{name}-{run_id}",
        )
        if wanted:
            kept &= {at for at, value in enumerate(values) if value in wanted}
            only += [f"{name}={value}" for value in wanted]
    with_maps = boxes[-1].toggle("Maps over the images", value=True, key=f"explain-gallery-maps-{run_id}")
    st.caption(plain(f"{len(kept)} of {len(images)} images. The maps are this run's, on the scale that all share."))
    can_be_named = only and not any(pair.endswith(f"={_NOT_TOLD}") for pair in only)
    if can_be_named and set(only) != set(sheet.answer.spec.only) and sheet.found["galleries"]:
        _choose_among(sheet, only)
    return kept, with_maps


def _choose_among(sheet: Sheet, only: Sequence[str]) -> None:
    """The filters leave what was chosen from all images; this chooses from all that they leave."""
    words = f"Choose anew from all {sheet.found['split']} images like these"
    if st.button(words, icon=":material/filter_alt:", key=f"explain-only-{sheet.answer.run.id}", help=", ".join(only)):
        with told():
            engine().submit(make(ExplainSpec, **sheet.answer.spec.model_dump() | {"only": tuple(only), "belief": ()}))
            st.query_params.from_dict({"run": sheet.answer.spec.run_id})
            st.rerun()


def _gallery(sheet: Sheet, name: str, places: Sequence[int], with_maps: bool) -> None:
    _row(sheet, name, places[:FIRST], with_maps)
    if len(places) > FIRST:
        with st.expander(f"{len(places) - FIRST} more"):
            _row(sheet, name, places[FIRST:], with_maps)


def _row(sheet: Sheet, name: str, places: Sequence[int], with_maps: bool) -> None:
    step = Step(sheet)
    with st.container(horizontal=True):
        for place in places:
            picture = sheet.thumbnail(place, with_map=with_maps)
            if picture is None:
                continue
            with st.container(width=THUMBNAIL, gap="xsmall"):
                st.image(picture, width=THUMBNAIL)
                st.caption(_words(sheet.images[place]))
                st.button(
                    "In view" if place == step.place else "Look",
                    icon=":material/visibility:",
                    disabled=place == step.place,
                    key=f"explain-look-{name}-{place}-{sheet.answer.run.id}",
                    on_click=step.look_at,
                    args=(place, True),
                    width="stretch",
                )


def _words(told: Mapping[str, Any]) -> str:
    """The truth, what this run answers, and what the start answered where that is another class."""
    own, before = told["answers"].get(RUN), told["answers"].get("start")
    words = f"Truth: **{plain(told['truth'])}**"
    if own is not None:
        sure = plain(percent(max(own["probabilities"]), 0)).replace(" ", "\u00a0")
        words += f"  \nAnswer: **{plain(own['predicted'])}**, {sure}"
        if before is not None and before["predicted"] != own["predicted"]:
            words += f"  \nBefore: {plain(before['predicted'])}"
    return words
