"""The dial: below the plan, what training from each level up gives on a few images, asked before anything long is started."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.choices import chosen, fill
from pages.parts.coming import show_coming
from pages.parts.dial_kept import holds_all
from pages.parts.figures import shown
from pages.parts.form import CUSTOM
from pages.parts.measured import begin, find
from pages.parts.session import engine, say, told
from pages.parts.strategy_fields import fields_of_strategy
from pages.parts.text import plain
from tlcore.figures.dial import best_level, choice_reading, dial_figure, dial_reading
from tlcore.figures.pull_words import pull_sentence
from tlcore.groups import HEAD
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import DialSpec, RunSpec
from tlcore.strategies import Plan, Strategy
from tlcore.strategies.head import HEADS
from tlcore.strategies.pull import NoPull
from tlcore.strategies.scope import All, FromGroup, HeadOnly
from tlcore.strategies.start import FromRun

_BEFORE = "train-dial"  # the dial that this session asked for last
_BEGUN = "train-dials-begun"  # the digests of all that it asked for: none of them begins again by itself


def dial_spec(spec: RunSpec) -> DialSpec:
    """What to ask for a run: whatever does not change the answers is set to one value, so that plans share them."""
    defaults = RunSpec(dataset=spec.dataset)
    same = ("epochs", "patience", "augment", "views", "head_solver")
    asked = {name: getattr(defaults, name) for name in same}
    return DialSpec(run=spec.training_alone().model_copy(update=asked | {"strategy": _what_counts(spec, defaults.strategy)}))


def _what_counts(spec: RunSpec, usual: Strategy) -> Strategy:
    """Of the run's strategy its start and its pull; the levels take the place of the rest."""
    start, pull, changes = spec.strategy.start, spec.strategy.pull, {}
    if isinstance(start, FromRun):
        # Solved, a fresh head and a kept one come to the same; trained or held, they do not.
        solved = spec.head == "linear" and not pull.active
        changes["start"] = FromRun(run_id=start.run_id, head="fresh") if solved else start
    if pull.active:
        changes |= {"name": CUSTOM, "scope": All(), "pull": pull}  # all: a pull on a head alone is refused
    return usual.model_copy(update=changes)


def show_dial(spec: RunSpec, plan: Plan) -> None:
    """The answers where they are there, as they come where they are being found, or the button that asks."""
    st.divider()
    st.subheader("The dial: how far is worth unfreezing?")
    if spec.strategy.start.kind == "random":
        st.caption("It asks about pretrained weights; this strategy starts from random ones.")
        return
    if spec.head != "linear":
        st.caption(f"It asks with this run's {plain(HEADS[spec.head].short)}, which is trained on the features, not solved.")
    if spec.strategy.pull.active:
        st.caption(f"It asks with this run's pull. {plain(pull_sentence(spec.strategy.pull))}")
    wanted = dial_spec(spec)
    run = _newest(wanted) or _by_itself(wanted)
    if run is None:
        _invitation(wanted)
    elif run.status().state in ("queued", "running"):
        _coming(run, plan)
    else:
        _found(run, plan, wanted, spec)


def _newest(wanted: DialSpec) -> Run | None:
    """The newest dial that answers `wanted`: asked for by somebody, or begun by itself."""
    runs = [run for spec in (wanted, _kept_only(wanted)) if (run := find(runs_dir(), spec)) is not None]
    return max(runs, key=lambda run: run.status().queued_at, default=None)


def _kept_only(wanted: DialSpec) -> DialSpec:
    """What may begin by itself: the job refuses where a picture would have to go through the frozen layers."""
    return wanted.model_copy(update={"kept_only": True})


def _by_itself(wanted: DialSpec) -> Run | None:
    """Begin where the cache holds what it needs, once in a session; None where it does not begin."""
    if wanted.digest() in _begun() or not holds_all(runs_dir(), wanted):
        return None
    with told():
        return _begin(wanted, _kept_only(wanted))
    return None


def _begin(wanted: DialSpec, asked: DialSpec) -> Run:
    _begun().add(wanted.digest())
    run = begin(engine(), asked, st.session_state.get(_BEFORE))
    st.session_state[_BEFORE] = run.id
    return run


def _begun() -> set[str]:
    return st.session_state.setdefault(_BEGUN, set())


def _invitation(wanted: DialSpec) -> None:
    st.caption(
        f"A quick answer for every level, before anything long is started: {wanted.images} training images go through the "
        f"frozen network once, then each level trains for {wanted.epochs} epochs from there up. It looks at validation "
        "images, never at the test split."
    )
    _ask(wanted, "Ask every level")


def _ask(wanted: DialSpec, words: str) -> None:
    if st.button(words, icon=":material/tune:"):
        with told():
            _begin(wanted, wanted)
            st.rerun()


@st.fragment(run_every=1.0)
def _coming(run: Run, plan: Plan) -> None:
    if not run.path.exists() or run.status().state not in ("queued", "running"):
        st.rerun()
    if run.spec().kept_only:
        st.caption(":material/bolt: The cache holds what it needs, so it began by itself.")
    events, _ = run.events()
    levels = [event for event in events if event["type"] == "level"]
    show_coming(run, events, key="dial")
    _notices([event["text"] for event in events if event["type"] == "notice"])
    if levels:
        reading = f"{len(levels)} of {len(plan.groups)} levels asked so far, from the head down."
        shown("dial", run, dial_figure(levels, plan, None), reading)


def _found(run: Run, plan: Plan, wanted: DialSpec, spec: RunSpec) -> None:
    status = run.status()
    result = run.result() if status.state == "done" else None
    if result is None:
        if status.state == "failed" and status.error and run.spec().kept_only:
            st.caption(f":material/info: It began by itself and could not answer. {plain(status.error['message'])}")
        elif status.state == "failed" and status.error:
            say(status.error["message"], status.error.get("next_step") or "")
        else:
            st.caption(f"It was {status.state} before every level had answered.")
        _ask(wanted, "Ask again")
        return
    if reading := choice_reading(result, plan):
        st.markdown(plain(reading))
    shown("dial", run, dial_figure(result["levels"], plan, result["majority_baseline"]), dial_reading(result))
    _notices(result.get("notices", []))
    best = best_level(result["levels"])["group"]
    names = [level["group"] for level in result["levels"]]
    choice, use, table = st.columns([3, 2, 2], vertical_alignment="bottom")
    group = choice.selectbox("Level", names, index=names.index(best), key=f"dial-level-{run.id}", format_func=_level_name)
    use.button(
        "Use this level", icon=":material/arrow_upward:", on_click=_use, args=(group, spec.strategy, plan), width="stretch"
    )
    table.download_button(
        "CSV", _csv(result), file_name=f"{run.id}.csv", mime="text/csv", icon=":material/download:", width="stretch"
    )


def _notices(texts: list[str]) -> None:
    for text in texts:
        st.caption(f":material/info: {plain(text)}")


def _level_name(group: str) -> str:
    return "the head alone" if group == HEAD else f"from {group} up"


def _use(group: str, asked: Strategy, plan: Plan) -> None:
    """Set the form's third control to this level, with the start and the pull that were asked about; all else stays."""
    pull = NoPull() if group == HEAD else asked.pull  # a head alone is pulled at by nothing
    scope = HeadOnly() if group == HEAD else FromGroup(group=group)
    level = Strategy(name=CUSTOM, scope=scope, pull=pull, start=asked.start)
    fill(chosen() | fields_of_strategy(level, plan.groups))


def _csv(result: dict[str, Any]) -> bytes:
    rows = [
        {
            "train from": level["group"],
            "validation accuracy": level["accuracy"]["value"],
            "low": level["accuracy"]["low"],
            "high": level["accuracy"]["high"],
            "AUROC": level["auroc"],
            "loss": level["loss"],
            "trainable parameters": level["trainable_params"],
            "seconds": level["seconds"],
        }
        for level in result["levels"]
    ]
    return pd.DataFrame(rows).to_csv(index=False).encode()
