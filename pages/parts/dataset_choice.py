"""Which dataset: one of the catalogue, or a person's own. What is chosen is in the address, so that the view has a link."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.parts.own_data import pick_own
from pages.parts.own_names import from_link, to_link
from pages.parts.session import told
from pages.parts.statewords import dataset_name
from tlcore.data.catalogue import DATASETS
from tlcore.data.uploads import allowed
from tlcore.errors import DataError

_SHOWN = "data-shown"
_CATALOGUE, _OWN = "From the catalogue", "Your own"


@dataclass(frozen=True)
class Choice:
    """A dataset as a spec names it: a catalogued name, or a path that a browser may reach; and its table of labels."""

    dataset: str
    labels: str | None = None

    @property
    def own(self) -> bool:
        return self.dataset not in DATASETS

    def link(self) -> dict[str, str]:
        """What a link to this dataset says."""
        return {"dataset": to_link(self.dataset)} | ({"labels": to_link(self.labels)} if self.labels else {})


def choose() -> Choice | None:
    """Draw the choice and return what is chosen, or None while nothing is."""
    linked = _from_link()
    if linked is not None and linked != st.session_state.get(_SHOWN):  # a link followed, while the page is open
        for key in ("data-source", "data-dataset", "data-own"):
            st.session_state.pop(key, None)
    start = _OWN if linked is not None and linked.own else _CATALOGUE
    source = st.segmented_control(
        "Where from", [_CATALOGUE, _OWN], default=start, required=True, label_visibility="collapsed", key="data-source"
    )
    if source == _OWN:
        path, labels = pick_own(linked.dataset if linked and linked.own else None, linked.labels if linked else None)
        if path is None:
            return None
        choice = Choice(path, labels)
    else:
        names = list(DATASETS)
        known = linked.dataset if linked and not linked.own else names[0]
        choice = Choice(st.selectbox("Dataset", names, index=names.index(known), format_func=dataset_name, key="data-dataset"))
    st.session_state[_SHOWN] = choice
    if dict(st.query_params) != choice.link():
        st.query_params.from_dict(choice.link())
    return choice


def _from_link() -> Choice | None:
    """What the address names; an address that names something out of reach says so and counts for nothing."""
    dataset, labels = st.query_params.get("dataset"), st.query_params.get("labels")
    if dataset is None or dataset in DATASETS:
        return None if dataset is None else Choice(dataset)
    with told():
        path = from_link(dataset)
        if "/" not in path:
            raise DataError(f"There is no dataset named {dataset!r}.", next_step="Choose one of the list.")
        return Choice(str(allowed(path)), str(allowed(from_link(labels))) if labels else None)
    return None
