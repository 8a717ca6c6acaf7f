"""One comparison: the grid filling in, then what it says."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from pages.parts.compare_build import BEGUN, left_out, own
from pages.parts.compare_grid import grid
from pages.parts.compare_list import delete_button
from pages.parts.compare_more import more
from pages.parts.compare_report import downloads
from pages.parts.compare_results import results
from pages.parts.session import told
from pages.parts.statewords import dataset_name
from pages.parts.text import plain
from tlcore.compare.folder import Comparison, Contents, open_comparison
from tlcore.compare.outcomes import fill
from tlcore.figures.compare_cost import begun_words, made_words
from tlcore.figures.compare_names import Names
from tlcore.figures.words import count, listing, times
from tlcore.settings import runs_dir


def view(comparison_id: str) -> None:
    """Draw it, or say that there is none of that id."""
    with told():
        comparison = open_comparison(runs_dir(), comparison_id)
        contents = comparison.read()
        _view(comparison, contents)
        return
    st.page_link("compare.py", label="All comparisons", icon=":material/compare:")


def _view(comparison: Comparison, contents: Contents) -> None:
    names = Names(contents.spec, dataset_name)
    st.title("Compare")
    st.markdown(f"#### {plain(names.title())}")
    st.caption(plain(about(contents, names)))
    before = st.session_state.get(BEGUN)
    if before is not None and before[0] == comparison.id:
        st.caption(f":material/recycling: {plain(begun_words(before[1]))}")
    filled = fill(contents, runs_dir())
    grid(comparison, contents, filled, names)
    if made := made_words(filled):
        st.caption(f":material/history: {plain(made)}")
    own(contents.spec, names)
    left_out(contents.left_out, names)
    metric = results(comparison, contents, filled, names)
    st.divider()
    more(comparison, contents)
    downloads(comparison, contents, filled, names, metric)
    line = st.container(horizontal=True, vertical_alignment="center")
    line.page_link("compare.py", label="All comparisons, or a new one", icon=":material/compare:")
    with line:
        delete_button(comparison)


def about(contents: Contents, names: Names) -> str:
    """What is equal for all runs, and since when it is there."""
    spec = contents.spec
    budget = f"{count(spec.budget.amount)} {spec.budget.unit}" if spec.budget.amount != 1 else f"1 {spec.budget.unit[:-1]}"
    made = datetime.fromtimestamp(contents.made, UTC).strftime("%d %B %Y, %H:%M UTC")
    labels = listing([names.labels(number) for number in spec.images_per_class])
    return (
        f"{labels}; {times(len(spec.seeds), 'seed')}; {budget} a run; {spec.run.image_size} px; baseline "
        f"{names.strategy(spec.baseline)}. Made on {made}."
    )
