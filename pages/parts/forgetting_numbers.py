"""Two large numbers: what the run gained on its target, and what it lost of its source."""

from __future__ import annotations

import streamlit as st

from pages.parts.forgetting_known import Looked, over_probe, probe_of
from pages.parts.probe_fields import why_not
from pages.parts.text import plain
from tlcore.figures.forgetting_words import (
    KNN,
    MEASURES,
    Told,
    balance_words,
    gained,
    knn_words,
    lost,
    over_probe_words,
)
from tlcore.figures.words import interval


def numbers(here: Looked, source: str | None) -> None:
    """Draw both, each with its interval and the sentence computed from it."""
    target, old = st.columns(2, gap="large")
    test = here.result["test"]
    with target:
        _large("Gained on the target", gained(test["accuracy"], here.result["majority_baseline"], test["n"]), None)
        apart = over_probe(here)
        difference = None if apart is None else {"value": apart[0].mean, "low": apart[0].low, "high": apart[0].high}
        if apart is not None:
            st.markdown(plain(over_probe_words(difference, "a linear probe")))
            st.page_link("train.py", label="That linear probe", icon=":material/link:", query_params={"run": apart[1].id})
        elif (probe := probe_of(here)) is not None:
            st.caption(
                plain(f"A linear probe on the same data: {interval(probe.accuracy or {})}. It kept no answers to pair with.")
            )
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
        _large(*lost(one), MEASURES[one["measure"]])
        if words := knn_words(one):
            st.markdown(plain(words), help=KNN)
        if one.get("kl") is not None:
            st.caption(plain(f"KL divergence from the answers of the start: {one['kl']:.2f} nats on average."))
        if words := balance_words(difference, one["lost"]):
            st.markdown(plain(words))


def _large(title: str, told: Told, what: str | None) -> None:
    span = f"95 %: {told.interval}" if told.interval else None
    st.metric(title, told.number, span, delta_color="off", delta_arrow="off", help=what)
    st.markdown(plain(told.sentence))
