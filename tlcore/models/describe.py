"""Look at a timm model outside the catalogue: `python -m tlcore.models.describe NAME` keeps its card for the pages."""

from __future__ import annotations

import json
import sys
from typing import Any

import timm
import torch
from torch import nn

from tlcore.errors import SpecError, ThawError, UnknownName
from tlcore.models.cards import BackboneCard, Preprocessing, Sizing, WeightSource
from tlcore.models.catalogue import BACKBONES
from tlcore.models.described import is_name, read_card, write_card
from tlcore.models.head_swap import shows_positions
from tlcore.models.partition import head_inputs, partition
from tlcore.models.sites import find_sites, with_sites

_FAILURES = (RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError)  # of timm's many constructors
_LEAST = 32  # pixels: what the smallest feature maps of an ordinary network survive


def describe(name: str) -> BackboneCard:
    """The card of any timm model: the catalogue's, the one that was kept, or a new one made by building a skeleton.

    Raises `UnknownName` for a name that timm does not have, `SpecError` for a model that cannot be used here.
    """
    card = BACKBONES.get(name) or read_card(name)
    if card is None:
        card = _look(name)
        write_card(card)
    return card


def _look(name: str) -> BackboneCard:
    if not is_name(name) or not timm.is_model(name):
        raise UnknownName("backbone", name, BACKBONES, also=timm.list_models())
    module, sizing = _skeleton(name)
    config: dict[str, Any] = module.pretrained_cfg
    channels, height, width = config.get("input_size") or (3, 224, 224)
    if channels != 3 or height != width:
        raise SpecError(
            f"{name} looks at {channels} channels of {height} x {width} pixels, not at square colour images.",
            next_step="Choose another backbone.",
        )
    found = partition(module)
    groups = with_sites(found.groups[:-1], found.modules, find_sites(module, found.modules, height))
    params = sum(group.params for group in groups)
    multiple = module.patch_embed.patch_size[0] if sizing == "dynamic" else 4 if sizing == "windows" else 1
    preprocessing = Preprocessing(
        tuple(config.get("mean", (0.485, 0.456, 0.406))),
        tuple(config.get("std", (0.229, 0.224, 0.225))),
        config.get("interpolation") or "bicubic",
        config.get("crop_pct") or 0.875,
    )
    return BackboneCard(
        name=name,
        title=name,
        family=type(module).__name__,
        sentence=f"A timm model outside the catalogue, with {params / 1e6:.1f} million parameters.",
        groups=groups,
        head_inputs=head_inputs(module),
        weights=_hub_source(name, config, preprocessing),
        preprocessing=preprocessing,
        image_size=height,
        min_image_size=-(-_LEAST // multiple) * multiple,
        image_size_multiple=multiple,
        sizing=sizing,
        shows_positions=shows_positions(module, height),
    )


def _skeleton(name: str) -> tuple[nn.Module, Sizing]:
    """The model without weights, and the way in which it takes other image sizes than its own."""
    try:
        with torch.device("meta"):
            module = timm.create_model(name, num_classes=2)
            if not module.pretrained_cfg.get("fixed_input_size"):
                return module, "any"
            if type(module).__name__ == "SwinTransformer":
                return module, "windows"
            try:
                return timm.create_model(name, num_classes=2, dynamic_img_size=True), "dynamic"
            except TypeError:  # the model has no such argument
                return module, "fixed"
    except _FAILURES as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SpecError(f"timm's {name} could not be built: {reason}.", next_step="Choose another backbone.") from error


def _hub_source(name: str, config: dict[str, Any], preprocessing: Preprocessing) -> tuple[WeightSource, ...]:
    hub_id = config.get("hf_hub_id")
    if not hub_id:
        return ()
    tag = config.get("tag") or ""
    source = WeightSource(
        name="hub",
        where=f"Hugging Face hub, {hub_id}",
        trained_on=f"what timm's tag says ({tag})" if tag else "what its page on the hub says",
        by="its authors, collected in timm",
        licence=config.get("license") or "not stated",
        preprocessing=preprocessing,
        classes=config.get("num_classes") or None,
        hub_id=hub_id,
        tag=f"{name.partition('.')[0]}.{tag}" if tag else name,
    )
    return (source,)


def main() -> int:
    try:
        print(json.dumps(describe(sys.argv[1]).as_dict()))
    except ThawError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
