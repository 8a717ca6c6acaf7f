"""The same picture asked otherwise: by another method, about another class, beside other runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.explain_own_arrive import ask
from pages.parts.session import told
from pages.parts.summary import Summary, summaries
from pages.parts.text import plain
from tlcore.explain.methods import METHODS
from tlcore.explain.offered import offered
from tlcore.runs import Run
from tlcore.spec import ExplainSpec, RunSpec, make

MOST_BESIDE = 3


def ask_otherwise(run: Run, job: Run, result: Mapping[str, Any] | None) -> None:
    """The choices, folded where the picture has been answered; pressing the button asks at once."""
    asked, about, found = job.spec(), run.spec(), run.result()
    assert isinstance(asked, ExplainSpec)
    assert isinstance(about, RunSpec)
    assert found is not None
    words = "Ask otherwise: another method, another class, other runs"
    with st.expander(words, icon=":material/tune:", expanded=result is None):
        left, right = st.columns(2, gap="large")
        names = list(offered(about.backbone))
        method = left.selectbox(
            "Method",
            names,
            index=names.index(asked.method) if asked.method in names else 0,
            format_func=lambda name: METHODS[name].title,
            key="explain-own-method",
        )
        left.caption(plain(f"{METHODS[method].sentence} ({METHODS[method].source})"))
        target, against = _classes(right, found["classes"], asked, METHODS[method].by_class)
        others = {one.id: one for one in summaries() if one.id != run.id and _same_classes(one, found["classes"])}
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
                target=target,
                against=against,
                beside=tuple(beside),
            )
            if st.button("Ask", type="primary", icon=":material/visibility:", key="explain-own-ask"):
                st.query_params["run"], st.query_params["picture"] = run.id, ask(spec).id
                st.rerun()


def _classes(place: Any, classes: list[str], asked: ExplainSpec, by_class: bool) -> tuple[str | None, str | None]:
    names = [None, *classes]
    target = place.selectbox(
        "Class to explain",
        names,
        index=names.index(asked.target) if asked.target in names else 0,
        format_func=lambda name: "what it answers" if name is None else name,
        disabled=not by_class,
        key="explain-own-target",
    )
    rest = [None, *(name for name in classes if name != target)]
    against = place.selectbox(
        "And why not",
        rest,
        index=rest.index(asked.against) if asked.against in rest else 0,
        format_func=lambda name: "the class as such" if name is None else name,
        disabled=not by_class,
        key=f"explain-own-against-{names.index(target)}",
        help="What speaks for the one class rather than the other: the map of their difference.",
    )
    return (target, against) if by_class else (None, None)


def _same_classes(other: Summary, classes: list[str]) -> bool:
    return other.state == "done" and (other.run.result() or {}).get("classes") == classes
