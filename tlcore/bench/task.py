"""What is timed: one backbone, how far it is unfrozen, and on how much. The same task goes to this engine and to each peer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from tlcore.errors import SpecError, UnknownName
from tlcore.models.catalogue import BACKBONES
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.rates import Uniform
from tlcore.strategies.scope import All, HeadOnly, Scope, Top
from tlcore.strategies.start import Pretrained, Random

ScopeName = Literal["head", "last", "all"]
SCOPES: tuple[ScopeName, ...] = get_args(ScopeName)
BACKBONE_NAMES = ("resnet18", "tf_efficientnet_lite0")
_SCOPE: dict[ScopeName, Scope] = {"head": HeadOnly(), "last": Top(count=1), "all": All()}
# Training images of each class. Fewer where each costs more: an epoch of a peer is in proportion to their number, and what
# this engine pays once per run weighs more on fewer, so the smaller cells are to the peers' advantage.
_PER_CLASS: dict[ScopeName, int] = {"head": 150, "last": 50, "all": 24}


@dataclass(frozen=True)
class Task:
    """One cell of the table."""

    backbone: str
    scope: ScopeName
    views: int = 0  # 0: no augmentation; else this engine keeps so many augmented views, where peers draw fresh ones
    dataset: str = "chest-xray"
    image_size: int = 128
    images_per_class: int = 400  # for training; validation and test are in proportion
    epochs: int = 10
    batch_size: int = 32
    start: Literal["pretrained", "random"] = "pretrained"
    lr: float = 1e-3  # of the head; the backbone moves at a tenth of it. Constant, as all peers know how to do that
    weight_decay: float = 0.01
    seed: int = 0

    @property
    def strategy(self) -> Strategy:
        """BatchNorm frozen, everywhere: the same for all."""
        return Strategy(
            scope=_SCOPE[self.scope],
            rates=Uniform(body_lr_mult=0.1, schedule="constant"),
            start=Random() if self.start == "random" else Pretrained(),
        )

    def spec(self, dataset: str) -> RunSpec:
        """The run that this engine is asked for, on the images in the folder `dataset`."""
        return RunSpec(
            backbone=self.backbone,
            dataset=dataset,
            strategy=self.strategy,
            epochs=self.epochs,
            lr=self.lr,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            image_size=self.image_size,
            augment=self.views > 0,
            views=self.views,
            device="cpu",
            seed=self.seed,
        )

    def __str__(self) -> str:
        views = f", {self.views} views" if self.views else ""
        return f"{self.backbone}, {self.scope}{views}"


def cells(
    *, backbones: Iterable[str] = (), scopes: Iterable[str] = (), images: int | None = None, epochs: int = 10
) -> tuple[Task, ...]:
    """The tasks of the benchmark: each scope without augmentation, and the head with 4 views as well.

    `backbones` and `scopes` choose among them (all by default); `images` sets the training images of each class.
    """
    backbones, scopes = tuple(backbones) or BACKBONE_NAMES, tuple(scopes) or SCOPES
    for scope in scopes:
        if scope not in SCOPES:
            raise UnknownName("scope", scope, SCOPES)
    for backbone in backbones:
        if backbone not in BACKBONES:
            raise UnknownName("backbone", backbone, BACKBONES)
    if images is not None and images < 3:
        raise SpecError(f"The benchmark needs at least 3 images of each class, not {images}.", next_step="Give 3 or more.")
    kinds = [(scope, views) for scope in SCOPES if scope in scopes for views in ((0, 4) if scope == "head" else (0,))]
    return tuple(
        Task(backbone, scope, views, images_per_class=images or _PER_CLASS[scope], epochs=epochs)
        for backbone in backbones
        for scope, views in kinds
    )


def quick_cells() -> tuple[Task, ...]:
    """A smoke run: everything once, on tiny pictures and random weights, so that nothing is fetched."""
    task = Task("mobilenetv3_small_100", "head", 0, "digits", image_size=32, images_per_class=13, epochs=2, start="random")
    return (task, replace(task, scope="all"))
