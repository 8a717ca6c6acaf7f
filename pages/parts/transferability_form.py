"""The choices of a transferability experiment: the data, the halves, how many seeds, and the rest folded away."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.medical import medical_note
from pages.parts.statewords import dataset_name
from tlcore.analysis.transferability_plan import suited
from tlcore.data.card import DatasetCard
from tlcore.data.catalogue import DATASETS
from tlcore.data.halves import DISTANT, FEWEST
from tlcore.spec import TransferabilitySpec

_FIRST = ("digits", "fashion-mnist", "cifar10")  # minutes on a CPU, and the pairs that are far apart
_DATASET = "transferability-dataset"
_CHOICES = ("halves", "seeds", "reverse", "batchnorm", "epochs", "images_per_class")


def _fits(card: DatasetCard) -> bool:
    return card.labelled and not card.refusal and len(card.classes) >= 2 * FEWEST


CANDIDATES = tuple(name for name in dict.fromkeys((*_FIRST, *DATASETS)) if _fits(DATASETS[name]))


def fill(spec: TransferabilitySpec) -> None:
    """Put a spec's choices into the form; call it before the form is drawn."""
    if spec.dataset in CANDIDATES:
        st.session_state[_DATASET] = spec.dataset
        for name in _CHOICES:
            st.session_state[_key(spec.dataset, name)] = getattr(spec, name)


def choose() -> TransferabilitySpec:
    """Draw the form; what is chosen, with what suits the dataset wherever nothing else is said."""
    data, which, many = st.columns([3, 4, 2])
    dataset = data.selectbox("Dataset", CANDIDATES, format_func=dataset_name, key=_DATASET)
    usual = suited(dataset)
    for name in _CHOICES:  # what stands in the session wins over a control's own first value
        st.session_state.setdefault(_key(dataset, name), getattr(usual, name))
    given: dict[str, Any] = {"halves": _halves(which, dataset)}
    given["seeds"] = many.number_input(
        "Seeds",
        1,
        50,
        key=_key(dataset, "seeds"),
        help="How often all is done anew: with other starts and, where they are random, other halves. Intervals need two.",
    )
    medical_note(dataset)
    with st.expander("More settings"):
        given |= _more(dataset)
    return suited(dataset, **given)


def _halves(place: DeltaGenerator, dataset: str) -> str:
    kinds = DISTANT.get(dataset)
    if kinds is None:
        place.markdown("Halves of the classes: random")
        place.caption("Which of its classes are far from the others is not known.")
        return "random"
    words = {"random": "Random", "distant": f"{kinds.a.capitalize()} and {kinds.b}"}
    return place.segmented_control(
        "Halves of the classes",
        list(words),
        required=True,
        format_func=words.__getitem__,
        key=_key(dataset, "halves"),
        help="Random halves are alike. Two kinds that are far apart should share less, and transfer worse at high cuts.",
    )


def _more(dataset: str) -> dict[str, Any]:
    left, right = st.columns(2)
    return {
        "epochs": left.number_input("Epochs of each network", 1, 1000, key=_key(dataset, "epochs")),
        "images_per_class": right.number_input(
            "Training images of each class",
            min_value=2,
            value=None,  # it can be emptied
            key=_key(dataset, "images_per_class"),
            placeholder="all",
            help="At most so many. Fewer are quicker, and what was learnt elsewhere matters more.",
        ),
        "reverse": left.toggle("Exchange the halves", key=_key(dataset, "reverse"), help="What is A becomes B."),
        "batchnorm": right.toggle(
            "BatchNorm",
            key=_key(dataset, "batchnorm"),
            help="The paper's network had none. It makes layers above frozen ones easier to train again.",
        ),
    }


def _key(dataset: str, name: str) -> str:
    """A control of its own for each dataset: what suits one need not suit another."""
    return f"transferability-{dataset}-{name}"
