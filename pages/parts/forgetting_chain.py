"""A chain of tasks: one strategy learns them in order, each run from the one before; what is left of each, as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts.figures import shown
from pages.parts.finished_choice import finished_runs
from pages.parts.forgetting_known import Looked
from pages.parts.layers_table import numbers
from pages.parts.session import engine, put_in_view, told
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.text import plain
from tlcore.compare.known import KnownRuns
from tlcore.compare.pace import Paces
from tlcore.data.catalogue import DATASETS, dataset_card
from tlcore.figures.forgetting_matrix import matrix, matrix_table, measures
from tlcore.figures.words import count, duration, listing, strategy_title, times
from tlcore.forgetting.chain import queue_chain, refuse_chain
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import RunSpec, make
from tlcore.strategies import STRATEGIES
from tlcore.strategies.start import FromRun

SHOWN = 5  # chains at once; the rest is folded
_TASKS = ("chest-xray", "traffic-lights", "digits")  # what the form begins with


def chain_of(here: Looked) -> None:
    """The matrix of the chain that ends with this run, or how to make one."""
    st.header("The chain of tasks")
    found = (here.found or {}).get("matrix")
    if found is not None:
        _matrix(here.run, found)
        return
    start = here.spec.strategy.start
    if isinstance(start, FromRun):
        if why := (here.found or {}).get("why", {}).get("matrix"):
            st.caption(f":material/info: {plain(why)}")
        st.caption(
            "This run starts from another one. Measure it above with Earlier tasks of the chain, and the matrix of all its "
            "tasks stands here."
        )
        return
    st.caption(
        "This run is the first of its chain: it starts from no other. Go on from it with other images, or start a chain."
    )
    st.page_link(
        "train.py",
        label="Go on from this run",
        icon=":material/link:",
        query_params={"from": here.run.id, "start": here.run.id},
    )


def _matrix(run: Run, found: Mapping[str, Any]) -> None:
    shown("matrix", run, *matrix(found))
    for column, (name, value, span, what, formula) in zip((*st.columns(2), *st.columns(2)), measures(found), strict=True):
        with column:
            defined = value != "not defined"
            st.metric(name, value, f"95 %: {span}" if defined and span else None, delta_color="off", delta_arrow="off")
            st.caption(plain(what))
            st.caption(plain(formula))
            if not defined:
                st.caption(plain(span))
    for note in found.get("notes", []):
        st.caption(f":material/info: {plain(note)}")
    numbers(run, "matrix", matrix_table(found))


def chains() -> None:
    """The chains there are, and the form that starts one."""
    st.header("A chain of tasks")
    st.caption(
        "One network learns several tasks, one after the other, and is asked all of them again after each: what is left of the "
        "first when the last has been learned?"
    )
    ends = _ends()
    for end in ends[:SHOWN]:
        _link(*end)
    if len(ends) > SHOWN:
        with st.expander(times(len(ends) - SHOWN, "more chain", "more chains")):
            for end in ends[SHOWN:]:
                _link(*end)
    with st.expander("Start a chain", icon=":material/add_link:", expanded=not ends):
        _form()


def _link(run_id: str, spec: RunSpec, tasks: list[str]) -> None:
    words = f"{listing(tasks)}: {strategy_title(spec.strategy)}"
    st.page_link("forgetting.py", label=plain(words), icon=":material/link:", query_params={"run": run_id})


def _ends() -> list[tuple[str, RunSpec, list[str]]]:
    """The runs that a chain ends with, the newest first: (id, spec, its tasks in the order of their learning)."""
    runs = {summary.id: spec for summary, spec in finished_runs()}
    behind = {spec.strategy.start.run_id for spec in runs.values() if isinstance(spec.strategy.start, FromRun)}
    found = []
    for run_id, spec in runs.items():
        if run_id in behind or not isinstance(spec.strategy.start, FromRun):
            continue
        tasks, at = [], spec
        while True:
            tasks.append(dataset_name(at.dataset))
            start = at.strategy.start
            if not isinstance(start, FromRun) or start.run_id not in runs:
                break
            at = runs[start.run_id]
        found.append((run_id, spec, tasks[::-1]))
    return found


def _form() -> None:
    known = [name for name, card in DATASETS.items() if card.labelled and not card.refusal]
    tasks = st.multiselect(
        "Tasks, in the order of their learning",
        known,
        default=list(_TASKS),
        format_func=dataset_name,
        key="chain-tasks",
        wrap=True,
    )
    one, two, three, four = st.columns(4)
    names = list(STRATEGIES)
    strategy = one.selectbox("Strategy", names, names.index("full"), lambda name: STRATEGIES[name].title, key="chain-strategy")
    backbone = two.selectbox("Backbone", list(BACKBONES), format_func=backbone_name, key="chain-backbone")
    epochs = three.number_input("Epochs of each task", 1, 100, 3, key="chain-epochs")
    images = four.number_input("Images per class", 1, value=100, placeholder="all", key="chain-images")
    with told():
        base = make(
            RunSpec,
            dataset=(tasks or list(_TASKS))[0],
            strategy=STRATEGIES[strategy].strategy,
            backbone=backbone,
            epochs=epochs,
            images_per_class=images,
        )
        refuse_chain(base, tasks)
        st.caption(
            plain(
                f"{times(len(tasks), 'run')}, one after the other; each also asks the tasks before it after every epoch. "
                f"{time_words(base, tasks)}"
            )
        )
        if st.button("Start the chain", type="primary", icon=":material/play_arrow:", key="chain-start"):
            runs = queue_chain(base, tasks, engine().submit)
            put_in_view(runs[-1].id)
            st.switch_page("train.py", query_params={"run": runs[0].id})


def time_words(base: RunSpec, tasks: Sequence[str]) -> str:
    """How long the training of the tasks takes, as far as runs or measurements like them tell."""
    paces = Paces(KnownRuns(runs_dir()), {name: dataset_card(name) for name in tasks})
    known = [pace for name in tasks if (pace := paces.of(base.model_copy(update={"dataset": name}))) is not None]
    if not known:
        return "How long that takes on this machine is not known yet."
    about = f"about {duration(sum(pace.seconds(base.epochs) for pace in known))} on this machine, without what is asked besides"
    if len(known) == len(tasks):
        return f"The training takes {about}."
    return f"{count(len(known))} of them train {about}; of the other {count(len(tasks) - len(known))} nobody knows yet."
