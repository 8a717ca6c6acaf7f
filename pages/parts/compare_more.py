"""Add to a comparison: strategies, seeds, numbers of images, backbones. What is done stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from pages.parts.compare_build import left_out, plan_of, start
from pages.parts.compare_choices import LABELS
from pages.parts.session import told
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.sweep import swept
from pages.parts.text import plain
from tlcore.compare.folder import Comparison, Contents
from tlcore.compare.spec import CompareSpec, images_per_class
from tlcore.data.catalogue import DATASETS
from tlcore.figures.compare_cost import cost_words
from tlcore.figures.compare_names import Names
from tlcore.figures.words import times
from tlcore.models.catalogue import BACKBONES
from tlcore.strategies import STRATEGIES
from tlcore.strategies.variant import variant


def more(comparison: Comparison, contents: Contents) -> None:
    """Draw the controls, folded away, the cost of what they add, and the button."""
    spec = contents.spec
    with st.expander("Add to this comparison", icon=":material/add:"):
        one, two = st.columns(2)
        with one:
            strategies = st.multiselect(
                "More strategies",
                [name for name in STRATEGIES if name not in spec.names],
                format_func=lambda name: STRATEGIES[name].title,
                key="more-strategies",
            )
            strategies = [*strategies, *swept("more-sweep")]
            seeds = st.number_input("More seeds", 0, 50, 0, key="more-seeds", help=f"There are {len(spec.seeds)}.")
        with two:
            labels = st.multiselect("More images per class", LABELS, accept_new_options=True, key="more-labels")
            backbones = st.multiselect(
                "More backbones", _others(BACKBONES, spec.backbones), format_func=backbone_name, key="more-backbones"
            )
            datasets = st.multiselect(
                "More datasets",
                _others([name for name, card in DATASETS.items() if card.labelled and not card.refusal], spec.datasets),
                format_func=dataset_name,
                key="more-datasets",
            )
        if not (strategies or seeds or labels or backbones or datasets):
            st.caption("What is added gets the same budget and settings; what is there runs again only where it is outdated.")
            return
        with told():
            larger = spec.with_more(
                strategies=[variant(name) for name in strategies],
                seeds=_next_seeds(spec, int(seeds)),
                images_per_class=[images_per_class(text) for text in labels],
                backbones=backbones,
                datasets=datasets,
            )
            expansion, cost = plan_of(larger)
            st.markdown(plain(f"{times(len(expansion.cells) - len(contents.entries), 'run')} more. {cost_words(cost)}"))
            left_out(expansion.left_out, Names(larger))
            if st.button("Add", type="primary", icon=":material/add:"):
                comparison.extend(larger, expansion)
                for name in ("more-strategies", "more-seeds", "more-labels", "more-backbones", "more-datasets"):
                    st.session_state.pop(name, None)
                start(comparison)


def _others(names: Iterable[str], there: tuple[str, ...]) -> list[str]:
    return [name for name in names if name not in there]


def _next_seeds(spec: CompareSpec, many: int) -> list[int]:
    free = (seed for seed in range(len(spec.seeds) + many) if seed not in spec.seeds)
    return [next(free) for _ in range(many)]
