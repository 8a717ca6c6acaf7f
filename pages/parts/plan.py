"""The plan before it runs: the stack, what moves, and what it costs on this machine."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.frozen_words import how_it_goes
from pages.parts.measured import begin, find, measure_spec
from pages.parts.session import engine
from pages.parts.stack import stack
from pages.parts.summary import summaries
from pages.parts.text import plain
from tlcore.data.catalogue import DatasetCard
from tlcore.figures.plan_words import plan_sentence
from tlcore.figures.pull_words import pull_sentence
from tlcore.figures.words import duration, memory, short_count
from tlcore.runs import Run, Status
from tlcore.settings import runs_dir
from tlcore.spec import MeasureSpec, RunSpec
from tlcore.strategies import Plan

DENSE = 4  # phases; with more, the slabs have no room for words (as in stack_draw.js)
WORTH_SAYING = 1.2  # times as long the first time as the next
_BEFORE = "train-measure"  # the measurement that this session asked for last


def show_plan(plan: Plan, spec: RunSpec, card: DatasetCard) -> None:
    """The picture and its reading; what becomes of the frozen layers, once that was measured."""
    measured = _measurement(spec, card) or {}
    stack(plan, key="train-stack", image_size=spec.image_size, cut=measured.get("cut"))
    st.caption(plain(f"{plan_sentence(plan)} {pull_sentence(spec.strategy.pull)}".strip()))
    if note := spec.strategy.scope.note(plan.groups):
        st.caption(f":material/info: {plain(note)}")
    how_it_goes(measured.get("cut"))
    if len(plan.phases) > DENSE:
        st.caption("Ice is frozen, orange trains, warmer at a higher rate. A rate is the peak learning rate per step.")
    else:
        st.caption("Ice is frozen, orange trains. The number on a slab is its peak learning rate per step; BN is BatchNorm.")


def _measurement(spec: RunSpec, card: DatasetCard) -> dict[str, Any] | None:
    """What was measured about this plan, if anything was."""
    wanted = measure_spec(spec, card)
    run = None if wanted is None else find(runs_dir(), wanted)
    return run.result() if run is not None and run.status().state == "done" else None


def show_cost(plan: Plan | None, spec: RunSpec, card: DatasetCard) -> None:
    """Counts, and time and memory as measured. Never waits: the measurement is a short job on a lane of its own."""
    wanted = measure_spec(spec, card)
    if wanted is None:
        _facts(plan, None)
        st.caption("Time and memory are measured once the number of images is known: look at the data on the Data page.")
        return
    run = find(runs_dir(), wanted)
    if run is None:
        run = begin(engine(), wanted, st.session_state.get(_BEFORE))
        st.session_state[_BEFORE] = run.id
    if run.status().state in ("queued", "running"):
        _waiting(plan, run, wanted)
    else:
        _measured(plan, run, wanted, card)


@st.fragment(run_every=1.0)
def _waiting(plan: Plan | None, run: Run, wanted: MeasureSpec) -> None:
    if not run.path.exists() or run.status().state not in ("queued", "running"):
        st.rerun()
    _facts(plan, None, "measuring…")
    events, _ = run.events()
    progress = [event for event in events if event["type"] == "progress"]
    if progress:
        what = progress[-1]
        share = f" {100 * what['done'] // what['total']} %" if what["total"] else ""
        st.caption(plain(f"{what['what']}…{share}"))
    else:
        st.caption("Measuring a few steps of each phase on this machine. Start need not wait for it.")


def _measured(plan: Plan | None, run: Run, wanted: MeasureSpec, card: DatasetCard) -> None:
    status = run.status()
    result = run.result() if status.state == "done" else None
    if result is not None:
        _facts(Plan.from_dict(result["plan"]) if plan is None else plan, result)
        if beside_training(status, [summary.status for summary in summaries()]):
            _shared(wanted)
        if plan is None:
            show_plan(Plan.from_dict(result["plan"]), wanted.run, card)
        return
    _facts(plan, None, "not measured")
    if status.state == "failed" and status.error:
        why = f"{status.error['message']} {status.error.get('next_step', '')}"
        st.caption(f":material/timer_off: The time could not be measured. {plain(why)}")
    _again(wanted)


def _again(wanted: MeasureSpec) -> None:
    if st.button("Measure again", icon=":material/timer:"):
        st.session_state[_BEFORE] = engine().submit(wanted).id
        st.rerun()


def _shared(wanted: MeasureSpec) -> None:
    st.caption(
        ":material/hourglass_top: Measured while another run trained on this machine: alone it takes less. "
        "Measure again once that one has ended."
    )
    _again(wanted)


def beside_training(measured: Status, trained: list[Status]) -> bool:
    """Whether any training ran at any time of the measurement."""
    if measured.started_at is None or measured.ended_at is None:
        return False
    return any(
        status.started_at is not None
        and status.started_at < measured.ended_at
        and (status.state == "running" or (status.ended_at or 0.0) > measured.started_at)
        for status in trained
    )


def _facts(plan: Plan | None, result: dict[str, Any] | None, otherwise: str = "unknown") -> None:
    seconds = None if result is None else result.get("seconds")
    used = None if result is None else result.get("memory_bytes")
    held = "The most that the measured steps held." if result is None else result.get("memory_is")
    where = "" if result is None else f" Measured on {result['device']} in {result['precision']}."
    left, right = st.columns(2)
    with left:
        trains = short_count(plan.trainable_params) if plan else "…"
        st.metric("Parameters that move", trains, help="Those that train in any phase.")
        besides = "fetching is not counted, nor what it is asked besides"
        time_help = f"The whole run, from a few measured steps of each phase; {besides}.{where}"
        st.metric("Time", otherwise if seconds is None else duration(seconds), help=time_help)
        again = (result or {}).get("seconds_again")
        if seconds is not None and again is not None and seconds > WORTH_SAYING * again:
            st.caption(f"Asked again, with the frozen layers kept: {duration(again)}.")
    with right:
        st.metric("Parameters in all", short_count(plan.total_params) if plan else "…")
        st.metric("Memory", otherwise if used is None else memory(used), help=held)
