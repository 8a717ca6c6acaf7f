"""A closer look, by choice: scores, CKA, what moved, what a layer sees, how classes come apart, shift, the experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from pages.parts.figures import shown
from pages.parts.layer_embedding import layer_embedding
from pages.parts.layer_seen import layer_seen
from pages.parts.layers_drawn import drawn
from pages.parts.layers_moved import what_moved
from pages.parts.layers_table import numbers
from pages.parts.text import plain
from pages.parts.transferability import LINK, transferability
from tlcore.figures.layer_words import SCORES, SCORES_CAVEAT
from tlcore.figures.layers_cka import cka_by_depth, cka_map, cka_table, pair_title, pairs
from tlcore.figures.layers_scores import scores_by_depth, scores_table
from tlcore.figures.layers_shift import MEASURES, shift_by_depth, shift_table
from tlcore.runs import Run

Result = dict[str, Any]


def closer(run: Run, result: Result) -> None:
    """The choice, kept in the link as `view`, and what is chosen."""
    linked = LINK if LINK in st.query_params else st.query_params.get("view")
    chosen = st.segmented_control(
        "A closer look",
        list(VIEWS),
        default=linked if linked in VIEWS else next(iter(VIEWS)),
        required=True,
        format_func=lambda name: VIEWS[name][0],
        key=f"layers-view-{run.id}",
    )
    st.query_params["view"] = chosen
    if chosen != LINK and LINK in st.query_params:
        del st.query_params[LINK]
    VIEWS[chosen][1](run, result)


def _scores(run: Run, result: Result) -> None:
    st.header("Scores beside the probe")
    st.markdown(plain(SCORES_CAVEAT))
    drawn("scores", run, *scores_by_depth(result))
    for name in ("logme", "hscore"):
        st.caption(f"**{SCORES[name][0]}**: {plain(SCORES[name][1])}")
    last = result["groups"][-1]
    for column, name in zip(st.columns(2), ("leep", "nce"), strict=True):
        title, what = SCORES[name]
        with column:
            if last[name] is None:
                st.markdown(f"**{title}**: {plain(last['why'].get(name, 'not defined'))}")
            else:
                st.metric(title, f"{last[name]:.3f}", help=what)
                st.caption(plain(what))
    numbers(run, "scores", scores_table(result))


def _cka(run: Run, result: Result) -> None:
    st.header("Which networks find the same images alike")
    st.caption(plain(SCORES["cka"][1]))
    for why in sorted({entry["why"]["cka"] for entry in result["groups"] if "cka" in entry["why"]}):
        st.caption(f":material/info: {plain(why)}")
    if pairs(result):
        drawn("cka", run, *cka_by_depth(result))
    every = list(result["cka"]["pairs"])
    if every:
        tuned = [pair for pair in pairs(result) if "random" not in pair]
        start = every.index(next(iter([*tuned, *pairs(result)]), every[0]))
        pair = st.selectbox("Each layer with each", every, start, format_func=pair_title, key="layers-pair")
        shown("cka-map", run, *cka_map(result, pair))
        numbers(run, "cka", cka_table(result))


def _shift(run: Run, result: Result) -> None:
    st.header("How far from photographs, by depth")
    if not any(entry.get("shift") for entry in result["groups"]):
        whys = {entry["why"].get("shift") for entry in result["groups"]} - {None}
        st.caption(plain(" ".join(sorted(whys)) or "This analysis did not measure it. Ask the layers again to have it."))
        return
    measure = st.segmented_control(
        "Measured as",
        list(MEASURES),
        default=next(iter(MEASURES)),
        required=True,
        format_func=lambda name: MEASURES[name][0],
        key="layers-shift",
    )
    shown("shift", run, *shift_by_depth(result, measure))
    numbers(run, "shift", shift_table(result))


def _experiment(run: Run, result: Result) -> None:
    st.caption("It stands by itself: a small network trained here, not the backbone above.")
    transferability()


VIEWS: Mapping[str, tuple[str, Callable[[Run, Result], None]]] = {
    "scores": ("Scores", _scores),
    "cka": ("CKA", _cka),
    "moved": ("What moved", what_moved),
    "sees": ("What a layer sees", layer_seen),
    "apart": ("How classes come apart", layer_embedding),
    "shift": ("Shift", _shift),
    LINK: ("The experiment", _experiment),
}
