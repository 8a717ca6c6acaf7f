"""The transferability experiment: chosen, priced, watched while its curve fills, and read (Yosinski et al. 2014)."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.coming import show_coming
from pages.parts.measured import begin, find
from pages.parts.session import engine, say, told
from pages.parts.text import plain
from pages.parts.transferability_form import choose, fill
from pages.parts.transferability_result import said_so_far, show_picture, show_tables
from tlcore.analysis.transferability_plan import CUTS, FORMS, cells, rough_seconds
from tlcore.data.catalogue import DATASETS
from tlcore.figures.words import count, duration, times
from tlcore.made_with import made_how
from tlcore.runs import Run, open_run
from tlcore.settings import runs_dir
from tlcore.spec import TransferabilityCostSpec, TransferabilitySpec

LINK = "transferability"  # in the address: the run whose choices and result are shown
_LINKED = "transferability-linked"  # the run that the form was filled from, or that it led to
_TIMED = "transferability-timed"  # the timing that this session asked for last
_UNITS = ((3600, "hour"), (60, "minute"), (1, "second"))
_WHAT = (
    "A small network is trained here on half of the classes (A), and another on the other half (B). Then the lowest n layers "
    "of one are put under new layers, and trained on B: **frozen**, from A (AnB) or from B itself (BnB), or **thawed** (with a "
    "+). Where AnB falls, layers are about A; where BnB dips, layers only worked together with their neighbours."
)


def transferability() -> bool:
    """The form with its cost, then the experiment that it asks for: offered, under way, or done, which is what it returns."""
    st.header("The transferability experiment")
    st.markdown(_WHAT)
    with told():
        _follow_link()
    with told():
        spec = choose()
        run = find(runs_dir(), spec)
        if run is None:
            _offer(spec, "Start the experiment")
        elif run.status().state in ("queued", "running"):
            _link_to(run)
            _coming(run)
        else:
            _link_to(run)
            _ended(run, spec)
            return run.status().state == "done"
    return False


def _follow_link() -> None:
    """Fill the form from the run that the address names, once."""
    run_id = st.query_params.get(LINK)
    if run_id is None or run_id == st.session_state.get(_LINKED):
        return
    st.session_state[_LINKED] = run_id
    spec = open_run(runs_dir(), run_id).spec()
    if spec.kind == "transferability":
        fill(spec)


def _link_to(run: Run) -> None:
    if st.query_params.get(LINK) != run.id:
        st.session_state[_LINKED] = run.id
        st.query_params[LINK] = run.id


def cost_spec(spec: TransferabilitySpec) -> TransferabilityCostSpec:
    """What to time for an experiment: one seed of it, with one value for all that does not change the time."""
    same = {"seeds": 1, "seed": 0, "halves": "random", "reverse": False, "lr": 2e-3}
    return TransferabilityCostSpec(**spec.model_dump(exclude={"kind"}) | same)


def _offer(spec: TransferabilitySpec, words: str) -> None:
    """How many networks there are and how long they take, and the button that starts them."""
    st.markdown(
        f"**{count(len(list(cells(spec))))} networks**: for each seed a base network for A and two for B, then {len(FORMS)} "
        f"forms at each of {len(CUTS)} cuts."
    )
    _cost(spec)
    if st.button(words, type="primary", icon=":material/play_arrow:"):
        _link_to(engine().submit(spec))
        st.rerun()


def _cost(spec: TransferabilitySpec) -> None:
    """The time as a short job measured it on this machine; before that a rough one, and the button that measures it."""
    wanted = cost_spec(spec)
    run = find(runs_dir(), wanted)
    if run is None:
        st.markdown(f"**Roughly {_rough(spec)}** on one thread of a server's processor.")
        st.caption("By a rule, not by this machine: that may be several times quicker or slower.")
        if st.button("Time it on this machine", icon=":material/timer:", key="transferability-time-it"):
            st.session_state[_TIMED] = begin(engine(), wanted, st.session_state.get(_TIMED)).id
            st.rerun()
        return
    status = run.status()
    if status.state in ("queued", "running"):
        _timing(run)
        return
    result = run.result() if status.state == "done" else None
    if result is not None:
        st.markdown(f"**About {duration(spec.seeds * result['seconds'])}** on this machine.")
        st.caption(plain(f"From a few steps of each kind of network, timed on {result['device']}; fetching is not counted."))
        return
    why = f" {status.error['message']}" if status.error else ""
    st.caption(f":material/timer_off: The time was not measured.{plain(why)}")
    if st.button("Measure again", icon=":material/timer:", key="transferability-time"):
        st.session_state[_TIMED] = engine().submit(wanted).id
        st.rerun()


def _rough(spec: TransferabilitySpec) -> str:
    """In words, to one digit of seconds, minutes or hours."""
    card = DATASETS[spec.dataset]
    classes, images = len(card.classes), (card.images or {}).get("train", 0)
    each = min(images / classes, spec.images_per_class or images)
    seconds = rough_seconds(spec, round(each * classes / 2))
    scale, unit = next((scale, unit) for scale, unit in _UNITS if seconds >= scale or scale == 1)
    return times(max(1, int(float(f"{seconds / scale:.1g}"))), unit)


@st.fragment(run_every=1.0)
def _timing(run: Run) -> None:
    if not run.path.exists() or run.status().state not in ("queued", "running"):
        st.rerun()
    st.caption(":material/timer: Timing a few steps of each kind of network on this machine. Start need not wait for it.")


@st.fragment(run_every=2.0)
def _coming(run: Run) -> None:
    """The curve as it fills."""
    if not run.path.exists() or run.status().state not in ("queued", "running"):
        st.rerun()
    events, _ = run.events()
    show_coming(run, events, key="transferability")
    left = next((event["seconds_left"] for event in reversed(events) if event.get("seconds_left")), None)
    if left is not None:
        st.caption(f":material/timer: About {duration(left)} left. It goes on if you leave this page.")
    said = said_so_far(events)
    if said["networks"]:
        show_picture(run, said)


def _other_halves(spec: TransferabilitySpec) -> dict[str, Any] | None:
    """What the same experiment found with the other kind of halves, where it was done."""
    other = spec.model_copy(update={"halves": "random" if spec.halves == "distant" else "distant"})
    run = find(runs_dir(), other)
    return run.result() if run is not None and run.status().state == "done" else None


def _ended(run: Run, spec: TransferabilitySpec) -> None:
    status = run.status()
    result = run.result() if status.state == "done" else None
    if result is not None:
        show_picture(run, result, _other_halves(spec))
        for notice in result["notices"]:
            st.caption(f":material/info: {plain(notice)}")
        show_tables(run, result)
        if old := made_how(result.get("made_with")):
            st.caption(plain(f"This was made {old}: made today, the numbers may differ."))
            _offer(spec, "Start anew")
        return
    if status.state == "failed" and status.error:
        say(status.error["message"], status.error.get("next_step") or "")
    elif status.state == "lost":
        st.caption("The process that ran it is gone. It can go on after the last network that it trained.")
        if st.button("Go on", icon=":material/restart_alt:", type="primary"):
            engine().resume(run.id)
            st.rerun()
    else:
        st.caption(f"It was {status.state} before all networks were trained.")
    said = said_so_far(run.events()[0])
    if said["networks"]:
        show_picture(run, said)
    _offer(spec, "Start anew")
