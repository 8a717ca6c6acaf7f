"""The choice of what to ask: backbone, data and runs to lay beside, and the rest folded away; kept in the link."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import streamlit as st

from pages.parts.dataset_choice import Choice
from pages.parts.form import Fields
from pages.parts.guide_choice import looked_at, usual_size
from pages.parts.layers_choice import (
    IMAGES,
    IN_LINK,
    MOST_BESIDE,
    OWN,
    beside_link,
    fields_of,
    from_link,
    sizes_of,
    spec_of,
    to_link,
)
from pages.parts.medical import medical_note
from pages.parts.own_weights import check_weights, own_weights
from pages.parts.session import told
from pages.parts.start_and_head import startable
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.text import plain
from tlcore.data.catalogue import DATASETS
from tlcore.errors import SpecError, ThawError
from tlcore.figures.layer_embedding import METHODS
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import open_run
from tlcore.settings import runs_dir
from tlcore.spec import LayersSpec, RunSpec

_KEPT = "layers-fields"  # what was chosen last; widgets forget theirs while another page is shown
_LINK = "layers-link"  # what the form itself wrote into the address last


def choose() -> LayersSpec | None:
    """Draw the choices, keep them in the link, and return what they ask; None where they cannot be asked, which is said."""
    before = _fields()
    data, backbone = st.columns(2)
    linked = Choice(before["dataset"], before["labels"])
    known = [Choice(name) for name, card in DATASETS.items() if card.labelled and not card.refusal]
    chosen = data.selectbox(
        "Dataset",
        list(dict.fromkeys([*known, *looked_at(), linked])),
        key=_key("data", linked),
        format_func=lambda choice: dataset_name(choice.dataset),
        help="Your own pictures stand here once they were looked at on the Data page.",
    )
    name = backbone.selectbox(
        "Backbone",
        list(BACKBONES),
        key=_key("backbone", before["backbone"]),
        format_func=backbone_name,
        help="Its layer groups are asked, each by itself, with its pretrained weights. Nothing is trained but small probes.",
    )
    medical_note(chosen.dataset)
    beside = _beside(name, before)
    fields = {"dataset": chosen.dataset, "labels": chosen.labels, "backbone": name, "beside": beside} | _more(name, before)
    if fields["weights"]:
        st.caption(":material/upload_file: Your own weights, under More settings, stand in the place of the pretrained ones.")
    elif not BACKBONES[name].weights:
        st.caption(
            ":material/info: No source of pretrained weights is known for this backbone: choose another, or upload your own "
            "under More settings."
        )
    _keep(fields)
    with told():
        spec = spec_of(fields)
        if spec.run.weights is not None:
            check_weights(Path(spec.run.weights), BACKBONES[name])
        return spec
    return None


def _beside(backbone: str, before: Fields) -> tuple[str, ...]:
    runs = {summary.id: summary for summary in startable(backbone)}
    wanted = [run_id for run_id in before["beside"] if run_id in runs]
    for run_id in before["beside"] if backbone == before["backbone"] else ():
        if run_id not in runs:
            st.caption(f":material/info: {plain(f'Run {run_id} is no finished run of this backbone, and is left out.')}")
    if not runs:
        st.caption(
            f":material/info: No finished run of {plain(backbone_name(backbone))} is here to lay beside. Train one, and "
            "this page shows what training changed, layer by layer."
        )
        return ()
    return tuple(
        st.multiselect(
            "Finished runs to lay beside",
            list(runs),
            default=wanted if f"layers-beside-{backbone}" not in st.session_state else None,
            key=f"layers-beside-{backbone}",
            format_func=lambda run_id: f"{runs[run_id].label}: {runs[run_id].title}, {runs[run_id].settings}",
            max_selections=MOST_BESIDE,
            placeholder="None. With one, you see what training changed",
            help="Their layers are asked the same, and compared with those they began from.",
            wrap=True,
        )
    )


def _more(backbone: str, before: Fields) -> Fields:
    sizes = sizes_of(BACKBONES[backbone])
    with st.expander("More settings"):
        left, right = st.columns(2)
        images = left.number_input(
            "Images",
            *IMAGES,
            step=100,
            key=_key("images", before["images"]),
            help="At most so many of all three splits together: half to fit the probes, a fifth to choose their penalty, the "
            "rest to judge them. Fewer are quicker, and their intervals wider.",
        )
        key = f"layers-size-{backbone}"
        usual = usual_size(BACKBONES[backbone])
        st.session_state.setdefault(key, before["image_size"] if before["image_size"] in sizes else usual)
        size = right.selectbox("Image size, pixels", sizes, key=key, disabled=len(sizes) == 1)
        seed = left.number_input("Seed", 0, 2**31 - 1, key=_key("seed", before["seed"]), help="It draws the images.")
        layouts = right.multiselect(
            "Layouts in two dimensions",
            list(METHODS),
            key=_key("layouts", list(before["layouts"])),
            format_func=METHODS.get,
            help="PCA takes a moment; t-SNE and UMAP show neighbourhoods and take seconds for each layer.",
        )
        if "umap" in layouts and find_spec("umap") is None:
            right.caption(":material/info: UMAP is not installed here and is left out. To have it: `pip install umap-learn`.")
        random = left.toggle(
            "Random weights beside them",
            key=_key("random", before["random"]),
            help="The control: what the architecture alone can do, before anything was learnt.",
        )
        photographs = left.toggle(
            "Photographs beside them",
            key=_key("photographs", before["photographs"]),
            help="How far your images are from everyday photographs, at each depth: some of these are looked at too.",
        )
        blocks = right.toggle(
            "Each block too", key=_key("blocks", before["blocks"]), help="Every block within a layer group is asked by itself."
        )
        own_weights(_key("weights", before["weights"]))
    own = {
        "images": images,
        "seed": seed,
        "weights": st.session_state["layers-weights"],
        "random": random,
        "photographs": photographs,
        "blocks": blocks,
        "layouts": tuple(layouts) or OWN["layouts"],
    }
    return own | {"image_size": None if size == usual else size}


def _key(name: str, value: object) -> str:
    """The session's key of a control, with `value` put there where nothing is."""
    key = f"layers-{name}"
    st.session_state.setdefault(key, value)
    return key


def _fields() -> Fields:
    """What the controls begin with: the analysis or the choices that the address names, else what was chosen last."""
    problems: list[str] = []
    asked = {name: st.query_params[name] for name in IN_LINK if name in st.query_params}
    if (source := st.query_params.get("from")) is not None:
        del st.query_params["from"]
        with told():
            spec = open_run(runs_dir(), source).spec()
            if not isinstance(spec, LayersSpec):
                raise SpecError("That run did not ask the layers.", next_step="Choose one of the list below.")
            if spec.run.backbone not in BACKBONES:
                raise SpecError(
                    f"This page knows the catalogued backbones alone, and that analysis asked {spec.run.backbone}.",
                    next_step=f"Ask again with `python -m tlcore layers --backbone {spec.run.backbone}`, or choose another.",
                )
            return _anew(fields_of(spec))
    if _KEPT not in st.session_state or (asked and asked != st.session_state.get(_LINK)):
        fields, problems = from_link(_of_the_run(asked) | asked)
        _anew(fields)
    for problem in problems:
        st.warning(plain(problem), icon=":material/link_off:")
    return st.session_state[_KEPT]


def _of_the_run(asked: dict[str, str]) -> dict[str, str]:
    """What a link that names a run to lay beside, and neither backbone nor dataset, means by that: those of the run."""
    if "beside" not in asked or {"backbone", "dataset"} & asked.keys():
        return {}
    first = asked["beside"].split(",")[0]
    try:
        spec = open_run(runs_dir(), first).spec()
        return beside_link(first, spec) if isinstance(spec, RunSpec) and spec.backbone in BACKBONES else {}
    except ThawError:  # where the run is not, or not such a one, the page says so beside the choice
        return {}


def _anew(fields: Fields) -> Fields:
    """Forget what the controls say: they begin with `fields`."""
    for key in [key for key in st.session_state if str(key).startswith("layers-") and key != _LINK]:
        del st.session_state[key]
    st.session_state[_KEPT] = fields
    return fields


def _keep(fields: Fields) -> None:
    """Remember the choice, and make the page's address say it."""
    link = to_link(fields)
    st.session_state[_KEPT], st.session_state[_LINK] = fields, link
    if {name: st.query_params[name] for name in st.query_params} != link:
        st.query_params.from_dict(link)
