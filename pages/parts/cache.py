"""The cache of the frozen layers: what is kept, what it spared, and the way to be rid of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from pages.parts.statewords import backbone_name
from pages.parts.text import plain
from tlcore.figures.words import count, memory, percent, times
from tlcore.settings import activations_limit_bytes
from tlcore.training.activations import Kept, kept, shelf

_COLUMNS = {
    "Backbone": st.column_config.TextColumn(),
    "Weights": st.column_config.TextColumn(help="Where the frozen layers' weights came from."),
    "Cut below": st.column_config.TextColumn(help="The lowest group that may move: what is below it was computed."),
    "View": st.column_config.TextColumn(help="The images as they are, or one augmented view of each."),
    "Format": st.column_config.TextColumn(help="The number format that it was computed in."),
    "Pixels": st.column_config.NumberColumn(help="Side of the images."),
    "Images": st.column_config.NumberColumn(format="localized"),
    "Size": st.column_config.TextColumn(),
    "Hits": st.column_config.NumberColumn(format="localized", help="Images that runs found here."),
    "Computed": st.column_config.NumberColumn(format="localized", help="Images that runs had to compute."),
    "Last used": st.column_config.DatetimeColumn(format="distance"),
}
_REMOVED = "cache-removed"


def cache() -> None:
    """Totals, a table that downloads, and a button that clears, which says first what that costs."""
    st.subheader("Cache")
    removed = st.session_state.pop(_REMOVED, None)
    if removed is not None:
        st.success(f"Removed {memory(removed)}. The next run computes what it needs again.", icon=":material/check_circle:")
    entries, limit = kept(), activations_limit_bytes()
    if not entries:
        _nothing(limit)
        return
    size = sum(entry.bytes for entry in entries)
    hits, computed = sum(entry.served for entry in entries), sum(entry.computed for entry in entries)
    one, two, three = st.columns(3)
    one.metric("What frozen layers computed", memory(size))
    one.caption(f"Of at most {memory(limit)}; the least recently used goes first.")
    two.metric("Found again", percent(hits / max(1, hits + computed), 0))
    two.caption(f"{times(hits, 'hit')}: images that a run need not send through the frozen layers.")
    three.metric("Computed", count(computed))
    three.caption("Images that went through the frozen layers, each view counted.")
    frame = table(entries)
    st.dataframe(frame, hide_index=True, column_config=_COLUMNS, column_order=list(_COLUMNS))
    bar = st.container(horizontal=True)
    bar.download_button(
        "Download as CSV", frame.to_csv(index=False), "cache.csv", "text/csv", icon=":material/download:", on_click="ignore"
    )
    with bar.popover("Clear the cache", icon=":material/delete:"):
        st.markdown(
            f"Removes {times(len(entries), 'entry', 'entries')}, {memory(size)}. The next run with frozen layers computes what "
            "it needs again, which takes as long as the first time; its numbers stay the same. Results and weights stay."
        )
        st.button("Remove all of it", type="primary", icon=":material/delete:", on_click=_clear)
    st.caption(f"It lies in {plain(str(shelf().folder))}. THAW_ACTIVATIONS_DIR and THAW_ACTIVATIONS_GB move and limit it.")


def table(entries: list[Kept]) -> pd.DataFrame:
    """The entries as people read them, a row each; sizes in bytes too, for whoever downloads it."""
    return pd.DataFrame(
        {
            "Backbone": [backbone_name(entry.backbone) for entry in entries],
            "Weights": [entry.weights for entry in entries],
            "Cut below": [entry.cut for entry in entries],
            "View": [entry.view for entry in entries],
            "Format": [entry.precision for entry in entries],
            "Pixels": [entry.image_size for entry in entries],
            "Images": [entry.images for entry in entries],
            "Size": [memory(entry.bytes) for entry in entries],
            "Bytes": [entry.bytes for entry in entries],
            "Hits": [entry.served for entry in entries],
            "Computed": [entry.computed for entry in entries],
            "Last used": [datetime.fromtimestamp(entry.last_used, UTC) for entry in entries],
        }
    )


def _clear() -> None:
    st.session_state[_REMOVED] = shelf().clear()


def _nothing(limit: int) -> None:
    if not limit:
        st.caption("Switched off: THAW_ACTIVATIONS_GB is 0, so every run computes its frozen layers in each epoch.")
        return
    st.caption(
        "Nothing is kept yet. A run whose lower layers are frozen computes them once for each image and keeps the outcome "
        f"here, up to {memory(limit)}; the next run on the same backbone and images then starts from it, in seconds."
    )
    st.page_link("train.py", label="Start a linear probe", icon=":material/layers:", query_params={"strategy": "linear-probe"})
