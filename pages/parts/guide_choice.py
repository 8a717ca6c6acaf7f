"""What the guide is about: a dataset, a backbone and a number of labels, kept in the link; and the runs that it would start."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.parts.dataset_choice import Choice
from pages.parts.form import DEFAULTS, Fields, fields_of, from_link, to_link
from pages.parts.looked_at import card_of
from pages.parts.session import told
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.summary import summaries
from pages.parts.text import plain
from tlcore.data.catalogue import DATASETS, DatasetCard
from tlcore.data.uploads import allowed
from tlcore.errors import DataError
from tlcore.models.catalogue import BACKBONES, BackboneCard
from tlcore.spec import RunSpec, ShiftSpec, make
from tlcore.strategies import preset

SIDE = 128  # pixels, where the backbone takes them
EPOCHS = 5  # of a run, where its phases ask for no more
ALL, NONE = -1, 0
COUNTS = (ALL, 500, 200, 100, 50, 20, 10, NONE)  # labelled training images of each class
PROBE = "linear-probe"
_KEPT = "guide-choice"  # what was chosen last; widgets forget theirs while another page is shown
_LINK = "guide-link"  # what the guide itself wrote into the address last
_NAMES = ("dataset", "labels", "backbone", "images_per_class")


@dataclass(frozen=True)
class Subject:
    """A dataset with its card, a backbone with its card, and how many labels of each class count."""

    data: Choice
    card: DatasetCard
    backbone: BackboneCard
    labels: int  # of each class: ALL, NONE or a number

    @property
    def images_per_class(self) -> int | None:
        return None if self.labels in (ALL, NONE) else self.labels

    @property
    def images(self) -> int | None:
        """Labelled training images, at most; None for own data that nobody has looked at."""
        if self.labels == NONE:
            return 0
        if self.card.images is None or not self.card.classes:
            return None
        whole = self.card.images["train"]
        return whole if self.images_per_class is None else min(whole, self.images_per_class * len(self.card.classes))

    @property
    def image_size(self) -> int:
        return usual_size(self.backbone)

    def run(self, strategy: str) -> RunSpec:
        """The run of a strategy, with an epoch for each group where it unfreezes one after another.

        The probe goes without augmentation, so that each picture goes through the frozen layers once.
        """
        chosen = preset(strategy)
        epochs = max(EPOCHS, len(self.backbone.groups) + 1) if chosen.phases.kind == "gradual" else EPOCHS
        return make(RunSpec, **self._fields(), strategy=chosen, epochs=epochs, augment=strategy != PROBE)

    def shift(self) -> ShiftSpec:
        """How far the data are from photographs: of however many labels."""
        return ShiftSpec(run=make(RunSpec, **self._fields() | {"images_per_class": None}))

    def form_link(self, spec: RunSpec) -> dict[str, str]:
        """What a link to the Train form says, to open it with this run."""
        return to_link(fields_of(spec, self.backbone.groups_with_head(max(2, len(self.card.classes)))))

    def _fields(self) -> Fields:
        return {
            "dataset": self.data.dataset,
            "labels": self.data.labels,
            "backbone": self.backbone.name,
            "image_size": self.image_size,
            "images_per_class": self.images_per_class,
        }


def usual_size(backbone: BackboneCard) -> int:
    """128 px, or the next size above that the backbone takes."""
    if backbone.sizing == "fixed":
        return backbone.image_size
    multiple = backbone.image_size_multiple
    return -(-max(SIDE, backbone.min_image_size) // multiple) * multiple


def choose_subject() -> Subject | None:
    """Draw the three choices, keep them in the link, and return them; None where the data cannot be reached."""
    _fill()
    linked = st.session_state[_key("data")]
    options = [Choice(name) for name, card in DATASETS.items() if not card.refusal]
    counts = dict.fromkeys((*COUNTS, st.session_state[_key("labels")]))
    data, backbone, count = st.columns([3, 3, 2])
    chosen = data.selectbox(
        "Dataset",
        list(dict.fromkeys([*options, *looked_at(), linked])),
        key=_key("data"),
        format_func=lambda choice: dataset_name(choice.dataset),
        help="Your own pictures stand here once they were looked at on the Data page.",
    )
    name = backbone.selectbox("Backbone", list(BACKBONES), key=_key("backbone"), format_func=backbone_name)
    each = count.selectbox(
        "Labels of each class",
        list(counts),
        key=_key("labels"),
        format_func=lambda n: {ALL: "all there are", NONE: "none"}.get(n, f"{n:,}"),
        help="At most so many training images of each class count. Ask what the advice were with fewer.",
    )
    _keep(chosen, name, each)
    with told():
        return Subject(chosen, card_of(chosen.dataset, chosen.labels), BACKBONES[name], each)
    return None


def _key(name: str) -> str:
    return f"guide-{name}"


def _fill() -> None:
    """Put into the widgets what the link names where that is not their own, else what was chosen last, else the defaults."""
    asked = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    kept: Fields | None = st.session_state.get(_KEPT)
    followed = kept is None or (asked and asked != st.session_state.get(_LINK))
    fields = _from_link(asked) if followed else kept
    values = {
        "data": Choice(fields["dataset"], fields["labels"]),
        "backbone": fields["backbone"],
        "labels": ALL if fields["images_per_class"] is None else fields["images_per_class"],
    }
    for name, value in values.items():
        if followed or _key(name) not in st.session_state:
            st.session_state[_key(name)] = value


def _from_link(asked: dict[str, str]) -> Fields:
    fields, problems = from_link(asked)
    for problem in problems:
        st.warning(plain(problem), icon=":material/link_off:")
    if fields["backbone"] not in BACKBONES:
        st.warning("The guide knows the catalogued backbones alone. The default is used.", icon=":material/link_off:")
        fields["backbone"] = DEFAULTS["backbone"]
    with told():
        return reachable(fields)
    return fields | {name: DEFAULTS[name] for name in ("dataset", "labels")}


def reachable(fields: Fields) -> Fields:
    """The fields with own data as paths that a browser may reach. Raises `DataError`."""
    if fields["dataset"] in DATASETS:
        if DATASETS[fields["dataset"]].refusal:
            raise DataError(DATASETS[fields["dataset"]].refusal, next_step="Choose another dataset.")
        return fields | {"labels": None}
    if "/" not in fields["dataset"]:
        raise DataError(f"There is no dataset named {fields['dataset']!r}.", next_step="Choose one of the list.")
    labels = str(allowed(fields["labels"])) if fields["labels"] else None
    return fields | {"dataset": str(allowed(fields["dataset"])), "labels": labels}


def looked_at() -> list[Choice]:
    """Own data that a finished look has counted and that may still be reached."""
    found = []
    for summary in summaries("check"):
        spec = summary.spec
        if summary.state == "done" and spec.dataset not in DATASETS:
            try:
                found.append(Choice(str(allowed(spec.dataset)), spec.labels))
            except DataError:  # moved, deleted, or no longer below a data root
                continue
    return list(dict.fromkeys(found))


def _keep(data: Choice, backbone: str, each: int) -> None:
    """Remember the choice, and make the page's address say it (all but that there are no labels, which no run can have)."""
    own = {"dataset": data.dataset, "labels": data.labels, "backbone": backbone}
    own["images_per_class"] = None if each == ALL else each
    link = to_link(DEFAULTS | own | ({"images_per_class": None} if each == NONE else {}))
    st.session_state[_KEPT], st.session_state[_LINK] = own, link
    if {name: st.query_params[name] for name in st.query_params} != link:
        st.query_params.from_dict(link)
