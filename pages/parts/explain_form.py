"""What an explanation is asked: what is laid beside, by which method, at which layer, for which class."""

from __future__ import annotations

import streamlit as st

from pages.parts.explain_cost import cost_words
from pages.parts.explain_known import Explained, may_stand_beside
from pages.parts.explain_question import Controls
from pages.parts.session import engine, told
from pages.parts.text import plain
from tlcore.spec import ExplainSpec, make

MOST_BESIDE = 3
_USUAL = ExplainSpec.model_fields


def form(here: Explained, label: str) -> None:
    """The choices with what they mean, what it costs, and the button that starts it."""
    run_id = here.run.id
    left, right = st.columns(2, gap="large")
    with left:
        beside, start, epochs = _networks(here)
        each = st.number_input(
            "Images of each gallery",
            1,
            50,
            _USUAL["each"].default,
            key=f"explain-each-{run_id}",
            help="Surely right, surely wrong, least certain, changed by the training: so many of each, of the test split.",
        )
    with right:
        controls = Controls(lambda word: f"explain-{word}-{run_id}")
        method = controls.method(here.spec.backbone)
        layer = controls.layer(here.spec.backbone, method)
        target, against = controls.classes(here.result["classes"], method)
    with told():
        spec = make(
            ExplainSpec,
            run_id=run_id,
            beside=beside,
            start=start,
            epochs=epochs,
            each=each,
            method=method,
            layer=layer,
            target=target,
            against=against,
        )
        go, cost = st.columns([1, 4], vertical_alignment="center")
        cost.caption(plain(cost_words(spec, here.run, here.spec)))
        if go.button(label, type="primary", icon=":material/visibility:", key=f"explain-start-{run_id}", width="stretch"):
            engine().submit(spec)
            st.query_params.from_dict({"run": run_id})  # a link that means one answer would hide the new one
            st.rerun()


def _networks(here: Explained) -> tuple[tuple[str, ...], bool, bool]:
    run_id = here.run.id
    others = {summary.id: summary for summary in may_stand_beside(here.run)}
    beside = st.multiselect(
        "Other runs to lay beside",
        list(others),
        max_selections=MOST_BESIDE,
        format_func=lambda other: f"{others[other].label}: {others[other].strategy}, {others[other].settings}",
        placeholder="none" if others else "No other finished run knows these classes",
        disabled=not others,
        key=f"explain-beside-{run_id}",
        help=f"Finished runs of the same classes, {MOST_BESIDE} at most. They explain the same class of each image.",
    )
    start = st.toggle(
        "The network as it started",
        value=True,
        key=f"explain-start-too-{run_id}",
        help="Its weights before training, with a linear probe as its head, so that it can be asked the same.",
    )
    kept = here.run.kept_epochs()
    epochs = st.toggle(
        f"Every epoch ({len(kept)})" if kept else "Every epoch",
        key=f"explain-epochs-{run_id}",
        disabled=not kept,
        help="A map after each epoch: how it came to look there.",
    )
    if not kept:
        st.caption("This run kept its best epoch alone. Train it again with Keep every epoch on, under More settings.")
        st.page_link("train.py", label="Repeat it", icon=":material/edit:", query_params={"from": run_id})
    return tuple(beside), start, epochs and bool(kept)
