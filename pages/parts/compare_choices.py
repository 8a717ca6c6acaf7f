"""The controls of a comparison's grid, and the `CompareSpec` that they make."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.linked_names import asked_for, is_name, offered
from pages.parts.own_names import from_link
from pages.parts.probe_fields import AUTO, COST, NONE, OFFERED, named, title_of
from pages.parts.session import told
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.sweep import swept, variant_title, variants_in
from pages.parts.text import plain
from tlcore.compare.spec import ALL, Budget, CompareSpec, images_per_class, seeds_from
from tlcore.data.catalogue import DATASETS
from tlcore.data.uploads import allowed
from tlcore.figures.compare_words import without_words
from tlcore.models.catalogue import BACKBONES
from tlcore.spec import RunSpec, make
from tlcore.strategies import STRATEGIES
from tlcore.strategies.head import HEADS, HeadKind
from tlcore.strategies.variant import variant

LABELS = ("5", "10", "20", "50", "100", "200", "500", ALL)
_START = {  # what a first visit finds chosen: small enough for a laptop, and with both controls
    "dataset": ["chest-xray"],
    "strategies": ["linear-probe", "last-group", "full", "random-features", "from-scratch"],
    "backbones": ["tf_efficientnet_lite0"],
}
_OWN = "compare-own"  # data of one's own that a link brought along: {path: table of labels or None}
_VARIANTS = "compare-variants"  # of strategies, that a link brought along
_UNITS = {"epochs": "epochs", "steps": "steps", "seconds": "seconds of training"}


def choices() -> CompareSpec | None:
    """Draw the controls; None while they make no comparison, which is then said."""
    own = _from_link()
    left, right = st.columns([5, 4], gap="large")
    with left:
        usable = [name for name, card in DATASETS.items() if not card.refusal and card.labelled]
        datasets = st.multiselect(
            "Datasets",
            [*own, *usable],
            default=_linked("dataset", [*own, *usable]),
            format_func=dataset_name,
            key="compare-datasets",
            wrap=True,
            help="For data of your own, choose them on the Data page first.",
        )
        strategies = st.multiselect(
            "Strategies",
            known := [*STRATEGIES, *_linked_variants()],
            default=_linked("strategies", known),
            format_func=variant_title,
            key="compare-strategies",
            wrap=True,
            help="From scratch and Random features are controls: they say what the pretrained weights are worth.",
        )
        for lack in without_words(strategies):
            st.caption(f":material/info: {plain(lack)}")
        strategies = list(dict.fromkeys([*strategies, *swept("compare-sweep")]))
        backbones = st.multiselect(
            "Backbones",
            list(BACKBONES),
            default=_linked("backbones", list(BACKBONES)),
            format_func=backbone_name,
            key="compare-backbones",
            wrap=True,
        )
    with right:
        labels = st.multiselect(
            "Images per class",
            LABELS,
            default=["20", "100"],
            accept_new_options=True,
            key="compare-labels",
            wrap=True,
            help="Training images of each class; the test split is always whole. Type another number to add it.",
        )
        one, two = st.columns(2)
        seeds = one.number_input(
            "Seeds", 1, 50, 3, key="compare-seeds", help="Each strategy is run once with each. 3 show the spread, 6 can prove."
        )
        baseline = two.selectbox(
            "Baseline",
            strategies,
            format_func=variant_title,
            key="compare-baseline",
            help="The strategy that the others are held against, seed by seed.",
            placeholder="one of the strategies",
        )
        one, two = st.columns(2)
        amount = one.number_input("Budget of each run", 1, 10_000_000, 5, key="compare-amount")
        unit = two.selectbox(
            "in",
            list(_UNITS),
            format_func=_UNITS.get,
            key="compare-unit",
            help="The same for every run. Steps and seconds become whole epochs: from the number of images, and from the pace "
            "measured for each strategy.",
        )
        shared = _shared() | {"source_probes": _probes()}
    if not (datasets and strategies and backbones and labels):
        st.caption("Choose at least one of each: a dataset, a strategy, a backbone and a number of images.")
        return None
    with told():
        table = next((own[name] for name in datasets if own.get(name)), None)
        return CompareSpec(
            datasets=datasets,
            backbones=backbones,
            strategies=strategies,
            images_per_class=[images_per_class(text) for text in labels],
            seeds=seeds_from(int(seeds)),
            baseline=variant(baseline).name,
            budget=Budget(unit=unit, amount=amount),
            run=make(RunSpec, dataset=datasets[0], labels=table, **shared),
        )
    return None


def _probes() -> tuple[str, ...]:
    """The old knowledge that each run is asked about: then what it forgot is an axis of the pictures."""
    offered = [text for text in OFFERED if text != AUTO]
    asked = st.query_params.get("source_probes", NONE)
    text = st.selectbox(
        "Ask what each still knows of before",
        offered,
        offered.index(asked) if asked in offered else 0,
        title_of,
        key="compare-probes",
        help="After every epoch. No number of the training changes by it, and what was forgotten is one more axis of the "
        f"pictures. {COST}",
    )
    return named(text)


def _shared() -> dict[str, Any]:
    """What all runs have in common, folded away."""
    usual = RunSpec.model_fields
    with st.expander("What all runs share", icon=":material/tune:"):
        one, two = st.columns(2)
        with one:
            size = st.number_input("Image size, pixels", 16, 1024, usual["image_size"].default, key="compare-size")
            batch = st.number_input("Batch size", 1, 4096, usual["batch_size"].default, key="compare-batch")
            augment = st.toggle("Augmentation", True, key="compare-augment", help=usual["augment"].description)
            weights = st.toggle("Class weights", key="compare-weights", help=usual["class_weights"].description)
        with two:
            rate = st.number_input(
                "Learning rate of the head", 1e-6, 10.0, 1e-3, 1e-4, "%.1e", key="compare-lr", help=usual["lr"].description
            )
            optimizer = st.selectbox("Optimizer", ["adamw", "sgd"], key="compare-optimizer")
            head = st.selectbox("Head", list(HEADS), 0, _head_title, key="compare-head", help=usual["head"].description)
            decay = st.number_input("Weight decay", 0.0, 1.0, 0.01, 0.01, key="compare-decay")
    return {
        "image_size": size,
        "batch_size": batch,
        "augment": augment,
        "class_weights": weights,
        "lr": rate,
        "optimizer": optimizer,
        "head": head,
        "weight_decay": decay,
    }


def _head_title(kind: HeadKind) -> str:
    return HEADS[kind].title


def _linked(name: str, known: list[str]) -> list[str]:
    """What the link asks for, as far as it is known here; else what a first visit finds."""
    found = offered(name, known)
    if name == "dataset" and asked_for(name) and not found:
        found = list(st.session_state.get(_OWN, {}))[-1:]  # data of one's own: the link says them in another way
    return found or [one for one in _START[name] if one in known]


def _linked_variants() -> list[str]:
    """Variants of strategies that a link has named in this session."""
    asked = st.query_params.get("strategies", "")
    known: list[str] = st.session_state.setdefault(_VARIANTS, [])
    known += [name for name in variants_in(asked.split(",")) if name not in known]
    return known


def _from_link() -> dict[str, str | None]:
    """Data of one's own that links have named in this session: {path: its table of labels}."""
    own: dict[str, str | None] = st.session_state.setdefault(_OWN, {})
    asked, labels = st.query_params.get("dataset"), st.query_params.get("labels")
    if asked and not any(map(is_name, asked.split(","))):
        with told():
            path = str(allowed(from_link(asked)))
            own.pop(path, None)
            own[path] = str(allowed(from_link(labels))) if labels else None
    return own
