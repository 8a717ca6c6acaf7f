"""The three controls (backbone, dataset, strategy), and the state of the form behind them and in the link."""

from __future__ import annotations

import streamlit as st

from pages.parts.form import CUSTOM, DEFAULTS, Fields, changed_strategy, from_link, in_link, to_link
from pages.parts.statewords import dataset_name
from pages.parts.text import plain
from tlcore.data.catalogue import DATASETS, DatasetCard
from tlcore.errors import ThawError
from tlcore.figures.plan_words import meant_with
from tlcore.figures.words import times
from tlcore.groups import Group
from tlcore.models.catalogue import BACKBONES, BackboneCard, backbone_card
from tlcore.strategies import STRATEGIES, Preset

_WRITTEN = "train-link"  # the link that the form itself wrote last
_CHOSEN = "train-fields"  # the choices as they stood last; widgets forget theirs while they are not shown
_PROBLEMS = "train-link-problems"
_LABELS = {"few": "few (tens)", "some": "some (hundreds)", "many": "many (thousands)"}  # images that a strategy wants


def key(field: str) -> str:
    """The session's key of a field's widget."""
    return f"train-{field}"


def fill(fields: Fields) -> None:
    """Put all values into the form; to be called before its widgets are drawn. They win over the link as it now stands, and
    the form's next link will say them."""
    for name, value in fields.items():
        st.session_state[key(name)] = value
    st.session_state[_CHOSEN] = dict(fields)
    st.session_state[_WRITTEN] = _asked()
    st.session_state[_PROBLEMS] = []


def read_link() -> list[str]:
    """Fill the form from the link where that is not the form's own; returns what in it can't be used, as sentences."""
    asked = _asked()
    if _WRITTEN not in st.session_state or (asked and asked != st.session_state[_WRITTEN]):
        fields, problems = from_link(asked)
        fill(fields)
        st.session_state[_WRITTEN] = asked
        st.session_state[_PROBLEMS] = problems
    for name, value in st.session_state[_CHOSEN].items():
        st.session_state[key(name)] = st.session_state.get(key(name), value)
    return st.session_state.get(_PROBLEMS, [])


def _asked() -> Fields:
    """What the link says about the form."""
    return {name: st.query_params[name] for name in st.query_params if in_link(name)}


def write_link(fields: Fields) -> None:
    """Make the page's address say what is chosen."""
    link = to_link(fields)
    if {name: st.query_params[name] for name in st.query_params} != link:
        st.query_params.from_dict(link)
    st.session_state[_CHOSEN] = dict(fields)
    if st.session_state.get(_WRITTEN) != link:
        st.session_state[_PROBLEMS] = []
    st.session_state[_WRITTEN] = link


def chosen() -> Fields:
    """The form's values as they stand."""
    return {name: st.session_state[key(name)] for name in DEFAULTS}


def choose_backbone() -> BackboneCard | None:
    """The first control. None for another timm model whose groups are not known yet."""
    name = st.session_state[key("backbone")]
    options = list(BACKBONES) + ([] if name in BACKBONES else [name])
    st.selectbox(
        "Backbone",
        options,
        key=key("backbone"),
        format_func=lambda name: BACKBONES[name].title if name in BACKBONES else name,
        help="The pretrained network. Its last layer, the head, is replaced by a new one for your classes.",
    )
    try:
        card = backbone_card(name)
    except ThawError:
        st.caption(f"{plain(name)}: a timm model that is in no catalogue here. It is built once to find its layer groups.")
        return None
    st.caption(plain(card.sentence))
    for source in card.weights[:1]:
        st.caption(f":material/verified: {plain(source.text)}")
    if not card.weights:
        st.caption(":material/info: No source of pretrained weights is known: choose a strategy that starts from scratch.")
    return card


def choose_dataset(card: DatasetCard | None) -> None:
    """The second control, with what must be known about the data."""
    name = st.session_state[key("dataset")]
    options = [known.name for known in DATASETS.values() if not known.refusal]
    st.selectbox(
        "Dataset",
        options + ([] if name in options else [name]),
        key=key("dataset"),
        format_func=dataset_name,
        help="Bring your own on the Data page: a folder of class folders, a ZIP of one, or DICOM files with a table.",
    )
    if card is None:
        return
    st.caption(f"{plain(card.sentence)} {plain(card.size)}.")
    classes = ", ".join(plain(name) for name in card.classes[:12]) + (", …" if len(card.classes) > 12 else "")
    if card.classes:
        st.caption(f"{len(card.classes)} classes: {classes}.")
    if name in DATASETS:
        st.caption(f":material/verified: Licence: {plain(card.licence)}. {plain(card.attribution)}".strip())
    if card.refusal:
        st.error(plain(card.refusal), icon=":material/block:")
    if card.warnings:
        with st.expander(f"{times(len(card.warnings) + 1, 'thing')} to know about these data", icon=":material/warning:"):
            st.markdown("\n".join(f"- {plain(warning)}" for warning in (*card.warnings, f"Split: {card.split_rule}")))


def _take_defaults() -> None:
    """Fill in what the strategy now chosen is meant with, wherever nothing was set by hand."""
    before, now = st.session_state[_CHOSEN], chosen()
    for name, value in changed_strategy(now, before["strategy"], now["strategy"]).items():
        st.session_state[key(name)] = value


def choose_strategy(groups: tuple[Group, ...]) -> None:
    """The third control: how far to unfreeze, by a name or from a group upwards."""
    st.selectbox(
        "Strategy",
        [*STRATEGIES, CUSTOM],
        key=key("strategy"),
        format_func=lambda name: STRATEGIES[name].title if name in STRATEGIES else "Custom: from a group upwards",
        on_change=_take_defaults,
        help="How far to unfreeze, in which order, and how fast each part moves.",
    )
    name = st.session_state[key("strategy")]
    if name != CUSTOM:
        known = STRATEGIES[name]
        st.caption(f"{plain(known.sentence)} {plain(known.expect)}")
        st.caption(f":material/menu_book: {plain(known.source)}")
        if known.defaults:
            st.caption(f":material/tune: {plain(meant_with(known.defaults))} It is filled in below; what you set stays.")
        _about(known)
        return
    names = [group.name for group in groups[:-1]] or ["bottom", "middle", "top"]
    if st.session_state[key("unfreeze")] not in names:
        st.session_state[key("unfreeze")] = names[-1]
    st.selectbox("Unfreeze from", list(reversed(names)), key=key("unfreeze"), help="This group, all above it, and the head.")
    st.caption("The head and every group from this one upwards train; those below stay frozen.")


def _about(known: Preset) -> None:
    """When to choose it and what it asks for, and the same in everyday terms, folded away."""
    with st.expander("When to choose it, and in everyday terms", icon=":material/lightbulb:"):
        st.markdown(plain(known.when))
        st.markdown(f"*{plain(known.analogy)}*")
        st.caption(
            f"Trains {plain(known.updates)}. Risk of forgetting: {known.forgetting}. Labels: {_LABELS[known.labels]}. "
            f"Compute: {known.compute}."
        )
