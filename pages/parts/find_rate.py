"""The rate finder: below the dial, the loss while the learning rate grows, and the rate that it suggests."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.choices import chosen, fill
from pages.parts.coming import show_coming
from pages.parts.figures import shown
from pages.parts.measured import begin, find
from pages.parts.session import engine, say, told
from pages.parts.text import plain
from tlcore.figures.find_rate import find_rate_figure, find_rate_reading
from tlcore.figures.words import rate
from tlcore.groups import HEAD
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import FindRateSpec, RunSpec
from tlcore.strategies import Plan

_BEFORE = "train-find-rate"  # the ramp that this session asked for last


def find_rate_spec(spec: RunSpec) -> FindRateSpec:
    """What to ask for a run: its own rate and patience do not change the curve, so runs that differ in them share one."""
    defaults = RunSpec(dataset=spec.dataset)
    return FindRateSpec(
        run=spec.training_alone().model_copy(update={name: getattr(defaults, name) for name in ("lr", "patience")})
    )


def show_find_rate(spec: RunSpec, plan: Plan) -> None:
    """The curve where it is there, as it comes where it is being found, or the button that asks for it."""
    st.divider()
    st.subheader("The rate finder: how fast may it learn?")
    if _solved(spec, plan):
        st.caption(
            "The head alone trains here, on kept features, and is solved by L-BFGS: no learning rate plays a part. Unfreeze a "
            "group, or have the head trained in mini-batches under More settings."
        )
        return
    wanted = find_rate_spec(spec)
    run = find(runs_dir(), wanted)
    if run is None:
        st.caption(
            f"About {wanted.steps} steps of this run, each at a higher rate than the one before, until the loss diverges: the "
            f"rate to choose lies where the loss falls. The network is not kept.{_pulled(spec)}"
        )
        _ask(wanted, "Find a rate")
    elif run.status().state in ("queued", "running"):
        _coming(run, spec)
    else:
        _found(run, spec, wanted)


def _pulled(spec: RunSpec) -> str:
    return " What the pull adds to the loss counts too." if spec.strategy.pull.active else ""


def _solved(spec: RunSpec, plan: Plan) -> bool:
    """Whether the head alone trains, and would be solved as far as the choices tell."""
    alone = not any(phase.trains(name) for phase in plan.phases for name in phase.rates if name != HEAD)
    linear = spec.head == "linear" and not spec.strategy.pull.holds_head()
    return alone and linear and spec.cut == "auto" and spec.head_solver == "auto" and (spec.views > 0 or not spec.augment)


def _ask(wanted: FindRateSpec, words: str) -> None:
    if st.button(words, icon=":material/speed:"):
        with told():
            st.session_state[_BEFORE] = begin(engine(), wanted, st.session_state.get(_BEFORE)).id
            st.rerun()


@st.fragment(run_every=1.0)
def _coming(run: Run, spec: RunSpec) -> None:
    if not run.path.exists() or run.status().state not in ("queued", "running"):
        st.rerun()
    events, _ = run.events()
    show_coming(run, events, key="find-rate")
    steps = [event for event in events if event["type"] == "rate"]
    if len(steps) > 1:
        curve = ([event[name] for event in steps] for name in ("rate", "loss", "smoothed"))
        reading = f"{len(steps)} steps so far, the last one at {rate(steps[-1]['rate'])}."
        shown("find-rate", run, find_rate_figure(*curve, own=spec.lr), reading)


def _found(run: Run, spec: RunSpec, wanted: FindRateSpec) -> None:
    status = run.status()
    result = run.result() if status.state == "done" else None
    if result is None:
        if status.state == "failed" and status.error:
            say(status.error["message"], status.error.get("next_step") or "")
        else:
            st.caption(f"It was {status.state} before it had found a rate.")
        _ask(wanted, "Ask again")
        return
    curve = (result["rates"], result["losses"], result["smoothed"])
    chart = find_rate_figure(*curve, suggestion=result["suggestion"], valley=result["valley"], own=spec.lr)
    shown("find-rate", run, chart, find_rate_reading(result, spec.lr))
    for notice in result["notices"]:
        st.caption(f":material/info: {plain(notice)}")
    use, table, _ = st.columns([2, 1, 2], vertical_alignment="bottom")
    if result["suggestion"] is not None:
        same = result["suggestion"] == spec.lr
        words = f"Use this rate, {rate(result['suggestion'])}"
        why = "The form has it." if same else None
        use.button(
            words, icon=":material/arrow_upward:", on_click=_use, args=(result["suggestion"],), width="stretch", disabled=same,
            help=why,
        )  # fmt: skip
    table.download_button(
        "CSV", _csv(result), file_name=f"{run.id}.csv", mime="text/csv", icon=":material/download:", width="stretch"
    )


def _use(suggestion: float) -> None:
    """Set the form's rate; everything else stays as it is."""
    fill(chosen() | {"lr": suggestion})


def _csv(result: dict[str, Any]) -> bytes:
    columns = {"rate": result["rates"], "loss": result["losses"], "running mean": result["smoothed"]}
    return pd.DataFrame(columns).to_csv(index=False).encode()
