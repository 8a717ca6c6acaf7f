"""What a sweep would add to the trade-off: one setting of a strategy at several values, laid out on the Compare page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from pages.parts.compare_build import left_out, plan_of
from pages.parts.dataset_choice import Choice
from pages.parts.session import told
from pages.parts.text import plain
from tlcore.compare.folder import create, same
from tlcore.compare.spec import Budget, CompareSpec, seeds_from
from tlcore.figures.compare_cost import cost_words
from tlcore.figures.compare_names import Names
from tlcore.figures.forgetting_trade_off import Measured
from tlcore.figures.words import times
from tlcore.models.catalogue import BACKBONES
from tlcore.settings import runs_dir
from tlcore.source_probes.catalogue import EARLIER
from tlcore.spec import RunSpec, SourceName
from tlcore.strategies import STRATEGIES, Strategy, preset
from tlcore.strategies.scope import FromGroup
from tlcore.strategies.settings import setting_named
from tlcore.strategies.variant import sweep

BASE = "full"  # what a remedy is held against
_SETTINGS: Mapping[str, tuple[str, Sequence[float]]] = {  # preset -> the setting and its values
    "l2-sp": ("pull.strength", (0.3, 3, 30)),
    "l1-sp": ("pull.strength", (1e-4, 1e-3, 1e-2)),
    "ewc": ("pull.strength", (30, 300, 3000)),
    "lwf": ("pull.strength", (0.3, 1, 3)),
    "replay": ("pull.images", (50, 150, 400)),
    "full": ("rates.body_lr_mult", (0.01, 0.03, 0.1, 0.3)),
}
LEVEL = "level"


def sweeps(spec: RunSpec, source: str, runs: Sequence[Measured]) -> None:
    """Choose one, see what it would cost, and lay it out; nothing starts by itself."""
    with st.expander("What a sweep would add", icon=":material/tune:"):
        st.caption(
            "Each strength of a remedy is a point of its own. A sweep shows how much of the target every point of the source "
            "costs, and where more strength buys nothing."
        )
        choice, seeds = st.columns([4, 1])
        name = choice.selectbox("Sweep", list(offered(spec)), format_func=title_of, key="forgetting-sweep")
        number = seeds.number_input("Seeds", 1, 10, 1, key="forgetting-sweep-seeds", help="3 show the spread of the seeds.")
        with told():
            wanted = compare_spec(spec, name, source, int(number))
            expansion, cost = plan_of(wanted)
            st.markdown(plain(f"{times(len(expansion.cells), 'run')}: {what_it_adds(wanted, runs)} {cost_words(cost)}"))
            left_out(expansion.left_out, Names(wanted))
            if name != LEVEL:
                st.page_link(
                    "compare.py",
                    label="Change it first, on the Compare form",
                    icon=":material/edit:",
                    query_params=link(spec, name, source),
                )
            if st.button(
                "Lay it out on the Compare page",
                icon=":material/compare:",
                disabled=not expansion.cells,
                key="forgetting-sweep-go",
                help="Its grid is made with all of these runs. They start there, when you say so.",
            ):
                comparison = same(runs_dir(), wanted, expansion) or create(runs_dir(), wanted, expansion)
                comparison.adopt()
                st.switch_page("compare.py", query_params={"comparison": comparison.id})


def offered(spec: RunSpec) -> list[str]:
    """The sweeps that this backbone has."""
    return [*_SETTINGS, *([LEVEL] if spec.backbone in BACKBONES else [])]


def title_of(name: str) -> str:
    """'EWC: strength (lambda) 30, 300 and 3000'."""
    if name == LEVEL:
        return "How far to unfreeze: from each layer group up"
    path, values = _SETTINGS[name]
    title = setting_named(preset(name), path).title
    return f"{STRATEGIES[name].title}: {title[0].lower()}{title[1:]} {', '.join(f'{value:g}' for value in values)}"


def strategies_of(spec: RunSpec, name: str) -> list[Strategy]:
    """The points of a sweep, each a strategy with a name of its own."""
    if name == LEVEL:
        groups = BACKBONES[spec.backbone].groups
        return [Strategy(name=f"from-{_slug(group.name)}", scope=FromGroup(group=group.name)) for group in reversed(groups)]
    path, values = _SETTINGS[name]
    return sweep(name, path, [f"{value:g}" for value in values])


def compare_spec(spec: RunSpec, name: str, source: str, seeds: int) -> CompareSpec:
    """A sweep's points and plain full fine-tuning, as `spec` was run, with probes of `source`. Raises `SpecError`."""
    own = strategies_of(spec, name)
    base = [] if any(one == preset(BASE) for one in own) else [preset(BASE)]
    start: Callable[[Strategy], Strategy] = lambda one: one.model_copy(update={"start": spec.strategy.start})  # noqa: E731
    return CompareSpec(
        datasets=(spec.dataset,),
        backbones=(spec.backbone,),
        strategies=tuple(start(one) for one in [*base, *own]),
        images_per_class=(spec.images_per_class,),
        seeds=seeds_from(seeds),
        baseline=BASE if base else own[0].name,
        budget=Budget(amount=spec.epochs),
        run=spec.model_copy(update={"strategy": preset("linear-probe"), "source_probes": (_probe(source),)}),
    )


def link(spec: RunSpec, name: str, source: str) -> dict[str, str]:
    """The words of the Compare form's link for a sweep: what it has controls for."""
    path, values = _SETTINGS[name]
    strategies = [*([] if name == BASE else [BASE]), *(f"{name}:{path}={value:g}" for value in values)]
    said = {"backbones": spec.backbone, "strategies": ",".join(strategies), "source_probes": _probe(source)}
    return Choice(spec.dataset, spec.labels).link() | said


def _probe(source: str) -> SourceName:
    return "earlier-tasks" if source.startswith(EARLIER) else source  # type: ignore[return-value] - the only other kind


def what_it_adds(wanted: CompareSpec, runs: Sequence[Measured]) -> str:
    """Which of its points the picture has already, by their names."""
    names, there = Names(wanted), {run.form for run in runs}
    new = [names.strategy(name) for name in wanted.names if names.strategy(name) not in there]
    if not new:
        return "all of them are in the picture already, with some seed."
    return f"{times(len(new), 'point')} that the picture has not yet."


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30]
