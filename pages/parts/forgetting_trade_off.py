"""The trade-off of all runs on the same data, and what a sweep would add to it."""

from __future__ import annotations

from html import escape

import streamlit as st

from pages.parts.as_csv import as_csv
from pages.parts.forgetting_known import comparable
from pages.parts.forgetting_sweeps import sweeps
from pages.parts.layers_drawn import drawn
from pages.parts.text import plain
from tlcore.compare.folder import FOLDER, Comparison
from tlcore.figures.compare_legend import OWN_LEGEND, mark
from tlcore.figures.forgetting_trade_off import looks_of, trade_off, trade_off_table
from tlcore.figures.words import times
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import RunSpec


def trade_off_of(spec: RunSpec, source: str, here: str | None = None) -> None:
    """Every run on the same data whose knowledge of `source` was measured; `here` is named."""
    runs = comparable(spec, source)
    figure, sentences = trade_off(runs, here)
    st.caption(
        plain(
            f"{times(len(runs), 'run')} on the same data with the same backbone, size and number of images. Runs of one "
            "strategy and different seeds are one mark, with an interval over the seeds; strengths of one setting are joined. "
            "The front joins those that no other beats on both."
        )
    )
    of = Run(runs_dir() / here) if here else Comparison(runs_dir() / FOLDER / "forgetting")
    drawn("trade-off", of, figure, sentences)  # type: ignore[arg-type] - only its id is asked for
    families = list(dict.fromkeys(run.family for run in runs))
    if len(families) > OWN_LEGEND:
        looks = looks_of(families)
        st.html(
            '<div style="display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:.84rem">'
            + "".join(f"<span>{mark(looks[name])} {escape(name)}</span>" for name in families)
            + "</div>"
        )
    if runs:
        with st.expander("The numbers", icon=":material/table:"):
            rows = trade_off_table(runs)
            st.dataframe(rows, hide_index=True, height=min(420, 38 * (len(rows) + 1)))
            st.download_button(
                "CSV",
                as_csv(rows),
                f"{spec.backbone}-trade-off.csv",
                "text/csv",
                icon=":material/download:",
                key="forgetting-csv-trade-off",
            )
    sweeps(spec, source, runs)
