"""Which run? The finished ones, what each is known to have forgotten, and all of them side by side."""

from __future__ import annotations

import streamlit as st

from pages.parts.finished_choice import Runs, choose_run, finished_runs, list_runs
from pages.parts.forgetting_chain import chains
from pages.parts.forgetting_known import measured_runs, settings_measured
from pages.parts.forgetting_trade_off import trade_off_of
from pages.parts.medical import medical_note
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.summary import Summary
from pages.parts.text import plain
from tlcore.figures.forgetting_words import by_loss, lost_briefly
from tlcore.figures.words import count, interval
from tlcore.spec import RunSpec


def choose() -> None:
    """The question, the runs to ask it of, and the trade-off of those that were asked."""
    st.title("Forgetting")
    st.markdown(
        "What did it cost? A network that learns your task forgets some of what it knew before. Choose a finished run, and see "
        "what it gained, what it lost, where it lost it, and what brings it back."
    )
    runs = finished_runs()
    if not runs:
        st.info("No run has finished here yet. Train one first: every strategy forgets differently.", icon=":material/info:")
        st.page_link("train.py", label="Train a network", icon=":material/layers:")
        return
    choose_run(runs, key="forgetting-run", icon=":material/search:")
    _lines(runs)
    _all()
    chains()


def _lines(runs: Runs) -> None:
    measured = {summary.id: (known, accuracy) for summary, _, known, accuracy in measured_runs()}
    st.subheader("What they gained and lost")
    if not measured:
        st.caption(
            "None of them was measured yet. Look at one and press Measure, or turn on What it still knows before you train: "
            "then the loss is measured after every epoch."
        )
    list_runs(runs, measured, lambda summary: _line(summary, measured.get(summary.id)))


def _line(summary: Summary, measured: tuple | None) -> None:
    name, what, gained, gone = st.columns([4, 5, 3, 4], vertical_alignment="center")
    link = {"icon": ":material/history:", "query_params": {"run": summary.id}}
    name.page_link("forgetting.py", label=plain(summary.strategy), **link)
    what.caption(plain(f"{summary.dataset}, {summary.backbone}, {summary.settings}"))
    gained.caption(plain(f"target {interval(summary.accuracy)}") if summary.accuracy else "")
    if measured is None:
        gone.caption("source not measured")
        return
    known, _ = measured
    gone.caption("  \n".join(plain(f"{lost_briefly(known[at]['lost'])}: {known[at]['title']}") for at in by_loss(known)))


def _all() -> None:
    settings = settings_measured()
    if not settings:
        return
    st.header("The trade-off of all runs")
    spec, sources, _ = settings[0]
    if len(settings) > 1:
        place = st.selectbox(
            "Runs on",
            range(len(settings)),
            format_func=lambda place: f"{_where(settings[place][0])} ({count(settings[place][2])})",
            key="forgetting-setting",
        )
        spec, sources, _ = settings[place]
    else:
        st.caption(plain(_where(spec)))
    medical_note(spec.dataset)
    trade_off_of(spec, _source(sources))


def _source(sources: dict[str, str]) -> str:
    """One of the sources, at first the one that lost most, by a choice where there are more."""
    names = list(sources)
    if len(names) == 1:
        return names[0]
    return st.segmented_control(
        "Old knowledge",
        names,
        default=names[0],
        required=True,
        format_func=sources.__getitem__,
        key=f"forgetting-overview-{'-'.join(names)}",
    )


def _where(spec: RunSpec) -> str:
    images = "all images" if spec.images_per_class is None else f"{count(spec.images_per_class)} per class"
    return f"{backbone_name(spec.backbone)} on {dataset_name(spec.dataset)}, {spec.image_size} px, {images}"
