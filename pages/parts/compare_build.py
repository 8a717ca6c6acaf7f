"""Build a comparison: choose the grid, see what it costs, start it."""

from __future__ import annotations

import contextlib

import streamlit as st

from pages.parts.compare_choices import choices
from pages.parts.looked_at import card_of
from pages.parts.session import engine, told
from pages.parts.text import plain
from tlcore.compare.cost import Cost, cost, to_measure, unpaced
from tlcore.compare.expand import Expansion, LeftOut, expand
from tlcore.compare.folder import Comparison, create, same
from tlcore.compare.known import KnownRuns
from tlcore.compare.pace import Paces
from tlcore.compare.spec import CompareSpec
from tlcore.data.card import DatasetCard
from tlcore.errors import ThawError
from tlcore.figures.compare_cost import cost_words
from tlcore.figures.compare_names import Names
from tlcore.figures.compare_words import some
from tlcore.figures.plan_words import meant_with
from tlcore.figures.words import count, listing, times
from tlcore.runs import open_run
from tlcore.settings import runs_dir
from tlcore.spec import RunSpec

BEGUN = "compare-begun"  # what became of the cells when this session started a comparison
_MEASURES = "compare-measures"  # measurements that this session asked for


def build() -> None:
    """Draw the form, the cost and Start."""
    spec = choices()
    if spec is None:
        return
    with told():
        _cost_and_start(spec)


def cards_of(spec: CompareSpec) -> dict[str, DatasetCard]:
    """The cards of a comparison's datasets; of one's own with what the last look at them counted."""
    return {name: card_of(name, spec.run.labels) for name in spec.datasets}


def plan_of(spec: CompareSpec, known: KnownRuns | None = None) -> tuple[Expansion, Cost]:
    """The runs and what they cost. Raises `SpecError` where the budget cannot be turned into epochs."""
    cards, known = cards_of(spec), known or KnownRuns(runs_dir())
    paces = Paces(known, cards)
    expansion = expand(spec, cards, paces)
    return expansion, cost(spec, expansion.cells, known, paces)


def start(comparison: Comparison) -> None:
    """Queue what is missing, remember what was there, and look at it."""
    st.session_state[BEGUN] = (comparison.id, comparison.begin(engine()))
    st.query_params.from_dict({"comparison": comparison.id})
    st.rerun()


def _cost_and_start(spec: CompareSpec) -> None:
    names = Names(spec)
    cards, known = cards_of(spec), KnownRuns(runs_dir())
    if missing := unpaced(spec, Paces(known, cards)):
        st.markdown("A budget in seconds means as many epochs as fit into it, which only a measured pace can tell.")
        _measure(missing, cards, known, names)
        return
    expansion, found = plan_of(spec, known)
    with st.container(border=True):
        st.markdown(f"#### {plain(grid_words(spec, expansion))}")
        st.markdown(plain(cost_words(found)))
        if spec.budget.unit != "epochs":
            st.caption(plain(_budget_words(spec, expansion)))
        own(spec, names)
        left_out(expansion.left_out, names)
        if found.unknown:
            _measure(list(found.unknown), cards, known, names)
        label = "Start" if found.to_run else "Show it"
        if st.button(label, type="primary", icon=":material/play_arrow:", disabled=not expansion.cells, width=220):
            start(same(runs_dir(), spec, expansion) or create(runs_dir(), spec, expansion))


def grid_words(spec: CompareSpec, expansion: Expansion) -> str:
    """'30 runs: 5 strategies, 2 numbers of images, 3 seeds'."""
    axes = [(spec.strategies, "strategy", "strategies"), (spec.datasets, "dataset", "datasets")]
    axes += [(spec.backbones, "backbone", "backbones"), (spec.images_per_class, "number of images", "numbers of images")]
    axes += [(spec.seeds, "seed", "seeds")]
    parts = [times(len(what), one, many) for what, one, many in axes if len(what) > 1]
    return f"{times(len(expansion.cells), 'run')}{': ' * bool(parts)}{' × '.join(parts)}"


def own(spec: CompareSpec, names: Names) -> None:
    """Say which strategies run with settings of their own: a recipe's rate is part of the recipe."""
    for name in spec.names:
        if fields := spec.own(name):
            st.caption(f":material/tune: {plain(f'{names.strategy(name)}. {meant_with(fields)}')}")


def left_out(these: tuple[LeftOut, ...], names: Names) -> None:
    """Say which strategies cannot run, and why, each once."""
    for (name, reason), settings in _together(these).items():
        where = "" if len(settings) == len(names.spec.settings) else f" on {listing([names.setting(s) for s in settings])}"
        st.caption(f":material/block: {plain(f'{names.strategy(name)} is left out{where}. {reason}')}")


def _together(these: tuple[LeftOut, ...]) -> dict[tuple[str, str], list]:
    together: dict[tuple[str, str], list] = {}
    for one in these:
        together.setdefault((one.strategy, f"{one.reason} {one.next_step}".strip()), []).append(one.setting)
    return together


def _budget_words(spec: CompareSpec, expansion: Expansion) -> str:
    epochs = sorted({cell.epochs for cell in expansion.cells})
    span = times(epochs[0], "epoch") if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]} epochs"
    how = "the images there are" if spec.budget.unit == "steps" else "each strategy's pace on this machine"
    return f"{count(spec.budget.amount)} {spec.budget.unit} a run come to {span}, by {how}."


def _measure(missing: list[RunSpec], cards: dict[str, DatasetCard], known: KnownRuns, names: Names) -> None:
    """Offer to measure the paces that nobody knows; while that goes on, say so."""
    if _under_way():
        _waiting()
        return
    wanted = to_measure(missing, cards, known)
    who = some(list(dict.fromkeys(names.strategy(run.strategy.name) for run in missing)))
    if not wanted:
        st.caption(plain(f"The pace of {who} cannot be measured before the pictures were counted, or the measurement failed."))
        return
    line = st.container(horizontal=True, vertical_alignment="center")
    if line.button(
        "Measure the time", icon=":material/timer:", help=f"{times(len(wanted), 'short job')} of some seconds each."
    ):
        st.session_state[_MEASURES] = [engine().submit(spec).id for spec in wanted]
        st.rerun()
    line.caption(plain(f"Nobody has run or measured {who} like this on this machine."))


def _under_way() -> int:
    waiting = 0
    for run_id in st.session_state.get(_MEASURES, []):
        with contextlib.suppress(ThawError, OSError, ValueError):  # deleted meanwhile
            waiting += open_run(runs_dir(), run_id).status().state in ("queued", "running")
    return waiting


@st.fragment(run_every=1.5)
def _waiting() -> None:
    left = _under_way()
    if not left:
        st.rerun()
    total = len(st.session_state[_MEASURES])
    st.progress((total - left) / total, text=f"Measuring: {total - left} of {total} done. Start need not wait for it.")
