"""What moved in the runs that were laid beside: from start to end for every quantity, and the weights epoch by epoch."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.figures import shown
from pages.parts.layers_drawn import drawn
from pages.parts.layers_table import numbers
from pages.parts.own_names import to_link as dataset_to_link
from pages.parts.start_and_head import startable
from pages.parts.text import plain
from tlcore.errors import ThawError
from tlcore.figures.layer_seen import source_title
from tlcore.figures.layer_words import MOVES
from tlcore.figures.layers_moved import drift_over_epochs, moved_by_depth, moved_table
from tlcore.runs import Run, open_run
from tlcore.settings import runs_dir
from tlcore.spec import RunSpec

MOST_OFFERED = 6  # runs to lay beside, the newest


def what_moved(run: Run, result: dict[str, Any]) -> None:
    """Draw `result["moved"]`, or say what to do where no run was laid beside."""
    st.header("What moved")
    if not result["moved"]:
        st.caption("No finished run was laid beside, so nothing has moved here.")
        _to_lay_beside(run)
        return
    quantity = st.segmented_control(
        "Quantity",
        list(MOVES),
        default=next(iter(MOVES)),
        required=True,
        format_func=lambda name: MOVES[name][0],
        key="layers-quantity",
    )
    st.caption(plain(MOVES[quantity][1]))
    drawn(f"moved-{quantity}", run, *moved_by_depth(result, quantity))
    numbers(run, "moved", moved_table(result))
    _over_epochs(run, list(result["moved"]))


def _to_lay_beside(run: Run) -> None:
    """The finished runs of the same backbone and data, each a link that asks its layers; or how there comes to be one."""
    spec = run.subject()
    assert isinstance(spec, RunSpec)
    found = [each for each in startable(spec.backbone) if each.spec.subject.dataset == spec.dataset]
    if not found:
        st.caption("There is no finished run of this backbone on these data either: train one, and lay it beside.")
        link = {"dataset": dataset_to_link(spec.dataset), "backbone": spec.backbone}
        st.page_link("train.py", label="Train one", icon=":material/play_arrow:", query_params=link)
        return
    st.caption("These finished runs of the same backbone and data can be. Each opens the question; nothing starts by itself.")
    for each in found[:MOST_OFFERED]:
        title = plain(f"{source_title(each.id)}: {each.strategy}, {each.settings}")
        st.page_link("layers.py", label=title, icon=":material/stacks:", query_params={"beside": each.id})


def _over_epochs(run: Run, runs: list[str]) -> None:
    st.subheader("Over the epochs")
    chosen = runs[0]
    if len(runs) > 1:
        chosen = st.selectbox("Run", runs, format_func=source_title, key="layers-epochs-run")
    try:
        events = open_run(runs_dir(), chosen).events()[0]
    except ThawError:
        st.caption("That run is not here any more, and its epochs went with it.")
        return
    epochs = [event for event in events if event["type"] == "epoch" and event.get("drift")]
    if not epochs:
        st.caption("That run reported no epochs.")
        return
    shown(f"epochs-{chosen[-4:]}", run, *drift_over_epochs(epochs, chosen))
    rows = [{"epoch": epoch["epoch"] + 1} | dict(epoch["drift"]) for epoch in epochs]
    numbers(run, f"epochs-{chosen[-4:]}", rows)
