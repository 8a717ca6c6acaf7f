"""What the layers are asked, as plain fields: to and from a link, and a spec. No Streamlit in here.

A link says only what differs from the defaults: `/layers?backbone=resnet18&dataset=digits&beside=RUN,RUN&images=400`. One
that names a run to lay beside and neither backbone nor dataset, `/layers?beside=RUN`, means those of that run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pages.parts.form import Fields, weights_of
from pages.parts.form import from_link as of_a_run
from pages.parts.form import to_link as run_to_link
from pages.parts.guide_choice import reachable, usual_size
from pages.parts.own_names import to_link as dataset_to_link
from tlcore.errors import DataError
from tlcore.figures.layer_embedding import METHODS
from tlcore.models.cards import BackboneCard
from tlcore.models.catalogue import BACKBONES
from tlcore.settings import uploads_dir
from tlcore.spec import LayersSpec, RunSpec, make
from tlcore.strategies.start import RUN_ID

_OF_A_RUN = ("backbone", "dataset", "labels", "seed", "weights")
MOST_BESIDE = 8  # runs, as the spec has it
IMAGES = (40, 100_000)  # at least, at most, as the spec has it: what was asked in any way can be asked again
SIZES = (32, 64, 96, 128, 160, 192, 224, 256, 320, 384, 512)
OWN: Fields = {
    "beside": (),
    "images": 1000,
    "image_size": None,
    "blocks": False,
    "random": True,
    "photographs": True,
    "layouts": ("pca",),
}
IN_LINK = (*_OF_A_RUN, *OWN)


def from_link(query: Mapping[str, str]) -> tuple[Fields, list[str]]:
    """The fields that a link asks for, defaults for the rest, and a sentence for each value that can't be used."""
    fields, problems = of_a_run({name: query[name] for name in _OF_A_RUN if name in query})
    found = {name: fields[name] for name in _OF_A_RUN} | OWN
    if found["backbone"] not in BACKBONES:
        problems.append("This page knows the catalogued backbones alone. The default is used.")
        found["backbone"] = of_a_run({})[0]["backbone"]
    try:
        found |= {name: value for name, value in reachable(fields).items() if name in ("dataset", "labels")}
    except DataError as error:
        problems.append(f"{error.message} The default is used.")
        found |= {name: of_a_run({})[0][name] for name in ("dataset", "labels")}
    for name, text in ((name, query[name]) for name in OWN if name in query):
        value = _read(name, text, found["backbone"])
        if value is None:
            problems.append(f"The link asks for {name} {text[:60]!r}, which cannot be used. The default is used.")
        else:
            found[name] = value
    return found, problems


def to_link(fields: Fields) -> dict[str, str]:
    """What a link must say for these fields."""
    usual = of_a_run({})[0]
    link = run_to_link(usual | {name: fields[name] for name in _OF_A_RUN})
    if fields["beside"]:  # or it would mean those of the run
        link |= {"backbone": fields["backbone"], "dataset": dataset_to_link(fields["dataset"])}
    return link | {name: _said(fields[name]) for name, default in OWN.items() if fields[name] not in (default, None)}


def beside_link(run_id: str, spec: RunSpec) -> dict[str, str]:
    """The link that lays a finished run beside the weights that it is compared with, on its own data at its own size.

    Raises `SpecError` where it trained from a file that was not uploaded.
    """
    size = None if spec.image_size == usual_size(BACKBONES[spec.backbone]) else spec.image_size
    return to_link(_of_run(spec) | OWN | {"beside": (run_id,), "image_size": size})


def _of_run(spec: RunSpec) -> Fields:
    return {name: getattr(spec, name) for name in _OF_A_RUN} | {"weights": weights_of(spec)}


def fields_of(spec: LayersSpec) -> Fields:
    """The fields that ask the same again. Raises `SpecError` for weights from a file that was not uploaded."""
    return _of_run(spec.run) | {
        "beside": spec.runs,
        "images": spec.images,
        "image_size": spec.run.image_size,
        "blocks": spec.blocks,
        "random": "random" in spec.sources,
        "photographs": spec.photographs > 0,
        "layouts": spec.embed,
    }


def spec_of(fields: Fields) -> LayersSpec:
    """The spec of these fields. Raises `SpecError`."""
    size = fields["image_size"] or usual_size(BACKBONES[fields["backbone"]])
    given = {name: fields[name] for name in _OF_A_RUN} | {"image_size": size}
    if fields["weights"]:
        given["weights"] = str(uploads_dir() / fields["weights"])
    return make(
        LayersSpec,
        run=make(RunSpec, **given),
        runs=tuple(fields["beside"]),
        images=fields["images"],
        blocks=fields["blocks"],
        sources=("pretrained", "random") if fields["random"] else ("pretrained",),
        photographs=LayersSpec.model_fields["photographs"].default if fields["photographs"] else 0,
        embed=tuple(fields["layouts"]),
    )


def sizes_of(backbone: BackboneCard) -> list[int]:
    """Image sizes that the backbone takes."""
    usual = usual_size(backbone)
    if backbone.sizing == "fixed":
        return [usual]
    fitting = {n for n in SIZES if n >= backbone.min_image_size and n % backbone.image_size_multiple == 0}
    return sorted(fitting | {usual})


def _read(name: str, text: str, backbone: str) -> Any:
    """The value that a link's word means; None where it means none."""
    words = tuple(dict.fromkeys(word for word in text.split(",") if word))
    match name:
        case "beside":
            return words if len(words) <= MOST_BESIDE and all(RUN_ID.fullmatch(word) for word in words) else None
        case "layouts":
            return words if words and set(words) <= set(METHODS) else None
        case "blocks" | "random" | "photographs":
            return {"true": True, "false": False}.get(text)
        case "images":
            low, high = IMAGES
            return int(text) if text.isascii() and text.isdigit() and low <= int(text[:9]) <= high else None
        case _:
            known = sizes_of(BACKBONES[backbone])
            return int(text) if text.isascii() and text.isdigit() and int(text[:9]) in known else None


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
