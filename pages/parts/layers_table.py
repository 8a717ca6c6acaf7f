"""The numbers behind a figure: folded away, and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.as_csv import as_csv
from tlcore.runs import Run


def numbers(run: Run, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table to look at and to take away."""
    with st.expander("The numbers", icon=":material/table:"):
        st.dataframe(pd.DataFrame(rows), hide_index=True, height=min(420, 38 * (len(rows) + 1)))
        st.download_button(
            "CSV", as_csv(rows), f"{run.id}-{name}.csv", "text/csv", icon=":material/download:", key=f"layers-csv-{name}"
        )
