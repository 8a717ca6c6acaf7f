"""The first half of the Train page: three controls, the plan they make, and Start."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.parts.choices import choose_backbone, choose_dataset, choose_strategy, chosen, fill, read_link, write_link
from pages.parts.dial import show_dial
from pages.parts.find_rate import show_find_rate
from pages.parts.form import fields_of, spec_of
from pages.parts.looked_at import card_of
from pages.parts.medical import medical_note
from pages.parts.more import more_settings
from pages.parts.other_backbone import refusal
from pages.parts.own_weights import check_weights
from pages.parts.plan import show_cost, show_plan
from pages.parts.session import engine, say, told
from pages.parts.source_probes import probe_note
from pages.parts.start_and_head import start_note
from pages.parts.strategy_settings import strategy_settings
from pages.parts.text import plain
from tlcore.data.catalogue import DATASETS, DatasetCard
from tlcore.data.uploads import allowed
from tlcore.errors import SpecError, ThawError
from tlcore.groups import Group
from tlcore.models.ancestry import check_start
from tlcore.models.cards import no_map
from tlcore.models.catalogue import BackboneCard, backbone_card
from tlcore.runs import open_run
from tlcore.settings import runs_dir
from tlcore.spec import RunSpec
from tlcore.strategies import Plan, compile_plan
from tlcore.strategies.packages import check_packages
from tlcore.training.pull.refuse import refuse_pull


def choose() -> None:
    """Draw the form and the plan, and start the run when asked."""
    st.title("Train")
    st.markdown("What happens if I unfreeze this far?")
    _take_over()
    for problem in read_link():
        st.warning(plain(problem), icon=":material/link_off:")
    left, right = st.columns([5, 4], gap="large")
    # Each control in a place of its own: what one says may grow without folding up the settings below it.
    first, second, third, more = (left.container() for _ in range(4))
    with first:
        backbone = choose_backbone()
    with second:
        data = _dataset()
        groups = _groups(backbone, data)
    with third:
        choose_strategy(groups)
        strategy_settings(groups)
        start_note()
    with more:
        more_settings(backbone)
    fields = chosen()
    write_link(fields)
    with right:
        spec, plan = _plan_and_start(fields, groups, backbone, data)
    if spec is not None and plan is not None and data is not None and not data.refusal:
        show_dial(spec, plan)
        show_find_rate(spec, plan)


def _take_over() -> None:
    """Fill the form from the run that the link names (`?from=`), to repeat it with changes."""
    run_id = st.query_params.get("from")
    if run_id is None:
        return
    del st.query_params["from"]
    with told():
        spec = open_run(runs_dir(), run_id).spec()
        if not isinstance(spec, RunSpec):
            raise SpecError("That is not a training run.", next_step="Choose one from the Runs page.")
        fill(fields_of(spec, _groups_of(spec.backbone)))


def _groups_of(backbone: str) -> tuple[Group, ...]:
    try:
        return backbone_card(backbone).groups_with_head(2)
    except ThawError:
        return ()


def _dataset() -> DatasetCard | None:
    name = st.session_state["train-dataset"]
    card = None
    with told():
        if (labels := st.session_state["train-labels"]) is not None:
            labels = str(allowed(labels))
        card = card_of(name if name in DATASETS else str(allowed(name)), labels)
    choose_dataset(card)
    if card is not None:
        medical_note(name)
    return card


def _groups(backbone: BackboneCard | None, data: DatasetCard | None) -> tuple[Group, ...]:
    if backbone is None:
        return ()
    return backbone.groups_with_head(max(2, len(data.classes)) if data else 2, st.session_state["train-head"])


def _plan_and_start(
    fields: dict, groups: tuple[Group, ...], backbone: BackboneCard | None, data: DatasetCard | None
) -> tuple[RunSpec | None, Plan | None]:
    spec, plan = None, None
    try:
        spec = spec_of(fields, groups)
        _check_size(spec, backbone)
        check_packages(spec.strategy)
        if backbone is not None and spec.weights is not None:
            check_weights(Path(spec.weights), backbone)
        if backbone is not None:
            check_start(spec, backbone, runs_dir(), data.classes if data else ())
            if spec.head == "attention" and not backbone.shows_positions:
                raise no_map(backbone.title)
        if groups:
            plan = compile_plan(spec.strategy, groups, epochs=spec.epochs, lr=spec.lr)
            refuse_pull(spec, backbone, plan)
    except ThawError as error:
        say(error.message, error.next_step)
        spec = None
    wrong_name = refusal(fields["backbone"])
    if wrong_name:
        say(wrong_name[0], "Correct it under More settings, or choose another backbone.")
    if spec is None or data is None or wrong_name:
        st.button("Start", type="primary", icon=":material/play_arrow:", disabled=True, help="Correct what is said above.")
        return None, None
    if plan is not None:
        show_plan(plan, spec, data)
        if not data.classes:
            st.caption("The head is drawn for 2 classes; how many there are is known once your pictures were looked at.")
    with told():
        show_cost(plan, spec, data)
    probe_note(spec, data)
    refused = plain(data.refusal) if data.refusal else None
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=bool(refused), help=refused, width="stretch"):
        with told():
            run = engine().submit(spec)
            st.query_params.from_dict({"run": run.id})
            st.rerun()
    return spec, plan


def _check_size(spec: RunSpec, card: BackboneCard | None) -> None:
    if card is None:
        return
    if spec.image_size < card.min_image_size:
        raise SpecError(
            f"{card.title} needs images of at least {card.min_image_size} pixels, but {spec.image_size} was asked for.",
            next_step="Raise the image size under More settings.",
        )
    if spec.image_size % card.image_size_multiple:
        near = max(card.min_image_size, round(spec.image_size / card.image_size_multiple) * card.image_size_multiple)
        raise SpecError(
            f"{card.title} needs an image size that is a multiple of {card.image_size_multiple}, not {spec.image_size}.",
            next_step=f"Set the image size to {near} under More settings.",
        )
