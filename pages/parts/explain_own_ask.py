"""The same picture asked otherwise: by another method, at another layer, about another class, beside other runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.explain_known import may_stand_beside
from pages.parts.explain_own_arrive import ask
from pages.parts.explain_question import Controls
from pages.parts.session import told
from tlcore.runs import Run
from tlcore.spec import ExplainSpec, RunSpec, make

MOST_BESIDE = 3


def ask_otherwise(run: Run, job: Run, result: Mapping[str, Any] | None) -> None:
    """The choices, folded where the picture has been answered; pressing the button asks at once."""
    asked, about, found = job.spec(), run.spec(), run.result()
    assert isinstance(asked, ExplainSpec)
    assert isinstance(about, RunSpec)
    assert found is not None
    words = "Ask otherwise: another method, layer or class, other runs"
    with st.expander(words, icon=":material/tune:", expanded=result is None):
        left, right = st.columns(2, gap="large")
        controls = Controls(lambda word: f"explain-own-{word}", asked)
        with left:
            method = controls.method(about.backbone)
        with right:
            layer = controls.layer(about.backbone, method)
            target, against = controls.classes(found["classes"], method)
        others = {one.id: one for one in may_stand_beside(run)}
        beside = st.multiselect(
            "Other runs to lay beside",
            list(others),
            default=[one for one in asked.beside if one in others],
            max_selections=MOST_BESIDE,
            format_func=lambda one: f"{others[one].label}: {others[one].strategy}, {others[one].settings}",
            placeholder="none" if others else "No other finished run knows these classes",
            disabled=not others,
            key="explain-own-beside",
        )
        with told():
            spec = make(
                ExplainSpec,
                run_id=run.id,
                picture=asked.picture,
                start=False,
                method=method,
                layer=layer,
                target=target,
                against=against,
                beside=tuple(beside),
            )
            if st.button("Ask", type="primary", icon=":material/visibility:", key="explain-own-ask"):
                st.query_params["run"], st.query_params["picture"] = run.id, ask(spec).id
                st.rerun()
