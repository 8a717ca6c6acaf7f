"""More settings of the run: all that is neither one of the three controls nor a part of the strategy, folded away."""

from __future__ import annotations

import streamlit as st

from pages.parts.choices import key
from pages.parts.number import number
from pages.parts.other_backbone import other_backbone
from pages.parts.own_weights import own_weights
from pages.parts.source_probes import source_probes
from pages.parts.start_and_head import start_and_head
from tlcore.figures.words import times
from tlcore.models.catalogue import BackboneCard
from tlcore.spec import RunSpec

_VIEWS = (0, 1, 2, 4, 8, 16)  # those offered; a link may ask for others
_CUT = {"auto": "computed once and kept", "off": "computed every epoch"}
_HEAD_SOLVER = {"auto": "solved by L-BFGS", "minibatch": "trained in mini-batches"}


def _said(field: str) -> str | None:
    return RunSpec.model_fields[field].description


def more_settings(card: BackboneCard | None) -> None:
    """Draw them. Each has a default that works."""
    with st.expander("More settings", icon=":material/tune:"):
        one, two = st.columns(2)
        with one:
            st.markdown("**Length and data**")
            number("Epochs", "epochs", help="How often each training image is seen.")
            multiple = card.image_size_multiple if card else 1
            size_help = _said("image_size") or ""
            size_help += f" {card.title} needs a multiple of {multiple}." if card and multiple > 1 else ""
            number("Image size, pixels", "image_size", step=multiple, help=size_help)
            number(
                "Images per class",
                "images_per_class",
                value=None,
                placeholder="all",
                help="At most so many training images of each class: what if labels were scarce?",
            )
            st.toggle("Augmentation", key=key("augment"), help=_said("augment"))
            st.toggle("Class weights", key=key("class_weights"), help=_said("class_weights"))
        with two:
            st.markdown("**Rates**")
            number("Learning rate of the head", "lr", whole=False, step=1e-4, format="%.1e", help=_said("lr"))
            st.selectbox("Optimizer", ["adamw", "sgd"], key=key("optimizer"), format_func={"adamw": "AdamW", "sgd": "SGD"}.get)
            _frozen()
        with one:
            st.markdown("**The rest**")
            number("Batch size", "batch_size")
            number("Weight decay", "weight_decay", whole=False, step=0.01, help=_said("weight_decay"))
            number("Stop early after", "patience", value=None, placeholder="never", help=_said("patience"))
            st.selectbox("Precision", ["auto", "float32", "bfloat16", "float16"], key=key("precision"), help=_said("precision"))
            number("Seed", "seed", help="The same seed gives the same numbers.")
            st.toggle("Keep every epoch", key=key("keep_epochs"), help=_said("keep_epochs"))
        start_and_head(card)
        source_probes()
        other_backbone()
        own_weights()


def _frozen() -> None:
    """What becomes of the layers that stay frozen. A choice that does not apply says why."""
    st.markdown("**Frozen layers**")
    cut = st.selectbox("They are", list(_CUT), key=key("cut"), format_func=_CUT.get, help=_said("cut"))
    asked = st.session_state[key("views")]
    fixed = "" if st.session_state[key("augment")] else "Augmentation is off: each image has one view."
    if cut == "off":
        fixed = "Nothing is kept, so each image is augmented anew in every epoch."
    st.selectbox(
        "Augmented views",
        sorted({*_VIEWS, asked}),
        key=key("views"),
        format_func=_views_in_words,
        disabled=bool(fixed),
        help=fixed or f"{_said('views')} A kept view costs nothing when it is seen again; fresh ones never repeat.",
    )
    trained = "L-BFGS needs kept features." if cut == "off" else ""
    if st.session_state[key("head")] != "linear":
        trained = "Only a linear head can be solved; every other one trains in mini-batches."
    st.selectbox(
        "A head that trains alone is",
        list(_HEAD_SOLVER),
        key=key("head_solver"),
        format_func=_HEAD_SOLVER.get,
        disabled=bool(trained),
        help=trained or _said("head_solver"),
    )


def _views_in_words(views: int) -> str:
    return f"{times(views, 'kept view')} of each image" if views else "fresh ones every epoch"
