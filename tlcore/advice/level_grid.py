"""What has to run to know which level is best: a run from every level, and the layers job that recommends one. No torch."""

from __future__ import annotations

import re

from tlcore.compare.spec import CompareSpec, Setting
from tlcore.groups import HEAD
from tlcore.models.catalogue import backbone_card
from tlcore.spec import LayersSpec, RunSpec
from tlcore.strategies import Strategy, preset
from tlcore.strategies.scope import FromGroup


def levels(backbone: str) -> tuple[Strategy, ...]:
    """A strategy for each level, as the Layers page starts it: the head alone first, all groups last."""
    groups = [group.name for group in reversed(backbone_card(backbone).groups)]
    return (preset("linear-probe"), *(Strategy(name=_named(group), scope=FromGroup(group=group)) for group in groups))


def group_of(level: Strategy) -> str:
    """The lowest group that one of `levels` unfreezes."""
    return level.scope.group if isinstance(level.scope, FromGroup) else HEAD


def question(grid: CompareSpec, setting: Setting, seed: int) -> LayersSpec:
    """What the Layers page asks of these data, without what plays no part in its recommendation."""
    same = {name: getattr(grid.run, name) for name in ("weights", "image_size", "device")}
    own = {"dataset": setting.dataset, "backbone": setting.backbone, "images_per_class": setting.images_per_class}
    return LayersSpec(run=RunSpec(**same, **own, seed=seed), sources=("pretrained",), photographs=0, embed=())


def _named(group: str) -> str:
    return f"from-{re.sub(r'[^a-z0-9]+', '-', group.lower())}"[:41]
