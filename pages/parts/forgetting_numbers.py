"""Two large numbers: what the run gained on its target, and what it lost of its source."""

from __future__ import annotations

import streamlit as st

from pages.parts.forgetting_known import Looked, over_probe, probe_of
from pages.parts.probe_fields import why_not
from pages.parts.summary import Summary
from pages.parts.text import plain
from tlcore.figures.forgetting_words import (
    KNN,
    MEASURES,
    Metric,
    Told,
    balance_words,
    gained,
    kl_words,
    knn_words,
    lost,
    over_probe_words,
    signed_points,
    signed_span,
)
from tlcore.figures.words import interval


def numbers(here: Looked, source: str | None) -> None:
    """Draw both, each with its interval and the sentence computed from it."""
    target, old = st.columns(2, gap="large")
    test = here.result["test"]
    with target:
        told = gained(test["accuracy"], here.result["majority_baseline"], test["n"])
        probe, difference = _against_probe(here)
        if difference is None:
            _metric("Gained on the target", told)
        else:
            left, right = st.columns(2)
            with left:
                _metric("Gained on the target", told)
            with right:
                moved = Told(signed_points(difference["value"]), signed_span(difference), "")
                _metric(
                    "By moving the backbone", moved, "This run less a linear probe of the same data, whose backbone is frozen."
                )
        st.markdown(plain(told.sentence))
        if probe is not None:
            if difference is not None and difference.get("low") is not None:
                st.markdown(plain(over_probe_words(difference, "a linear probe")))
            else:
                unpaired = (
                    f"A linear probe on the same data: {interval(probe.accuracy or {})}. It kept no answers to pair with."
                )
                st.caption(plain(unpaired))
            st.page_link("train.py", label="That linear probe", icon=":material/link:", query_params={"run": probe.id})
        elif here.spec.strategy.scope.kind != "head":
            st.caption("With a linear probe of the same data and seed here too, this would say what moving the backbone added.")
    with old:
        if source is None:
            why = why_not(here.spec.strategy, here.spec.head)
            st.metric("Lost of the source", "not measured")
            asked = "Nobody has asked yet what it still knows of what it knew before. Measure it below."
            st.markdown(plain(why or asked))
            return
        one = here.measured[source]
        title, told = lost(one)
        _metric(title, told, MEASURES[one["measure"]])
        st.markdown(plain(told.sentence))
        if words := knn_words(one):
            st.markdown(plain(words), help=KNN)
        if words := kl_words(one):
            st.caption(plain(words))
        if words := balance_words(difference, one["lost"]):
            st.markdown(plain(words))


def _against_probe(here: Looked) -> tuple[Summary | None, Metric | None]:
    """A linear probe of the same data, and what the run has more than it: paired image by image, else without an interval."""
    paired = over_probe(here)
    if paired is not None:
        apart, probe = paired
        return probe, {"value": apart.mean, "low": apart.low, "high": apart.high}
    probe, own = probe_of(here), here.result["test"]["accuracy"].get("value")
    other = (probe.accuracy or {}).get("value") if probe is not None else None
    return probe, None if own is None or other is None else {"value": own - other, "low": None, "high": None}


def _metric(title: str, told: Told, what: str | None = None) -> None:
    span = f"95 %: {told.interval}" if told.interval else None
    st.metric(title, told.number, span, delta_color="off", delta_arrow="off", help=what)
