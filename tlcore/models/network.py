"""A network ready for transfer: a timm backbone with a fresh head, cut into layer groups."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from tlcore.errors import SpecError, WeightsUnavailable
from tlcore.groups import HEAD, Group
from tlcore.models.cards import BackboneCard, Preprocessing, no_map
from tlcore.models.catalogue import BACKBONES
from tlcore.models.construct import check_image_size, create, draw_head
from tlcore.models.describe import describe
from tlcore.models.head_swap import check_positions, put_head
from tlcore.models.heads import Head
from tlcore.models.partition import Partition, classifier_of, head_tensors, partition
from tlcore.models.sites import with_counts
from tlcore.models.weights import Weights, find_weights, load
from tlcore.progress import Progress, silent
from tlcore.strategies.head import HeadKind


@dataclass
class Network:
    """A model, its layer groups, and what its weights are."""

    module: nn.Module
    preprocessing: Preprocessing
    provenance: dict[str, str | None]  # source, text, sha256, licence
    partition: Partition = field(repr=False)
    # The classifier of the old task: what the head sees -> the old classes' logits, frozen. None where the weights had none.
    source_head: nn.Module | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()  # what must be said about it, in sentences
    kept_head: bool = False  # its head is that of the run which it starts from: as pretrained as the rest

    @property
    def head(self) -> nn.Module:
        """The module of the head: the innermost one that holds all of its tensors."""
        names = [name.split(".")[:-1] for name, group in self.partition.tensors.items() if group == HEAD]
        shared = [parts[0] for parts in itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*names, strict=False))]
        return self.module.get_submodule(".".join(shared))

    @property
    def classes(self) -> int:
        """How many classes its head knows."""
        head = self.head
        return head.classes if isinstance(head, Head) else head.weight.shape[0]

    @property
    def head_kind(self) -> HeadKind:
        """Which of the four heads it has."""
        return getattr(self.head, "kind", "linear")

    @property
    def groups(self) -> tuple[Group, ...]:
        """From the image to the head, the head last."""
        return self.partition.groups

    def parameters(self, group: str) -> list[tuple[str, nn.Parameter]]:
        """The parameters of `group` with their names in the module."""
        return [(name, tensor) for name, tensor in self.module.named_parameters() if self.partition.tensors[name] == group]

    def buffers(self, group: str) -> list[tuple[str, Tensor]]:
        """The buffers of `group` (running means and the like) with their names in the module."""
        return [(name, tensor) for name, tensor in self.module.named_buffers() if self.partition.tensors[name] == group]

    def modules(self, group: str) -> list[nn.Module]:
        """The modules that are wholly in `group`; a container that holds parts of several groups is in none."""
        return [module for name, module in self.module.named_modules() if self.partition.modules[name] == group]


def build(
    name: str,
    *,
    classes: int | None,
    start: Literal["pretrained", "random"],
    weights: str | None = None,
    seed: int,
    image_size: int,
    head: HeadKind = "linear",
    progress: Progress = silent,
) -> Network:
    """Build the backbone `name` for `classes` classes and square images of `image_size` pixels.

    `start="pretrained"` takes the card's weights in order, or `weights`: a person's own safetensors file, or the name of
    one of the card's sources. `start="random"` draws all weights from `seed`. The new head is drawn from `seed` alone, so
    that it is the same for both starts. `classes=None` keeps the classifier that came with the weights, for questions
    about what the network knew before (the classes are those of `WeightSource.trained_on`); that classifier is also kept
    beside the network, as `source_head`. The module is in eval mode;
    `freezing.apply_phase` readies it for training.

    Raises `UnknownName`, `SpecError` for an image size or a `head` that the architecture cannot take, and
    `WeightsUnavailable`.
    """
    card = describe(name)
    if classes is not None and classes < 1:
        raise SpecError(f"A head needs at least 1 class, but {classes} were asked for.", next_step="Ask for 2 or more.")
    check_image_size(card, image_size)
    if start == "random":
        module, preprocessing, provenance, source_head = _random(card, classes, weights, seed, image_size)
    else:
        module, preprocessing, provenance, source_head = _pretrained(card, classes, weights, seed, image_size, progress)
    if name not in BACKBONES:
        _try(module, card, image_size)
    if head != "linear" and classes is not None:
        swap_head(module, head, classes, card=card, seed=seed, image_size=image_size)
        if head == "attention":
            source_head = None  # it looks at one pooled vector, of which there is none any more
    module.eval()
    return Network(module, preprocessing, provenance, with_counts(partition(module), card.groups), source_head)


def swap_head(module: nn.Module, kind: HeadKind, classes: int, *, card: BackboneCard, seed: int, image_size: int) -> None:
    """Put a head of that kind, drawn from `seed`, in place of the present one. Raises `SpecError` where it cannot stand."""
    if kind == "attention" and not card.shows_positions:
        raise no_map(card.title)
    put_head(module, kind, classes)
    draw_head(module, seed)
    if kind == "attention":
        check_positions(module, card.title, image_size)


def _try(module: nn.Module, card: BackboneCard, image_size: int) -> None:
    """One image through a model that nobody has tried here, so that a size that it cannot take is refused before a run."""
    module.eval()  # one image: a BatchNorm in train mode would refuse it
    try:
        with torch.inference_mode():
            module(torch.zeros(1, 3, image_size, image_size))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise SpecError(
            f"{card.title} cannot take images of {image_size} pixels: {str(error).splitlines()[0]}",
            next_step=f"Try {card.image_size}, the size that it was made for.",
        ) from error


Parts = tuple[nn.Module, Preprocessing, dict[str, str | None], nn.Module | None]


def _random(card: BackboneCard, classes: int | None, weights: str | None, seed: int, image_size: int) -> Parts:
    if weights is not None or classes is None:
        raise SpecError(
            "A random start has neither weights of its own nor an old classifier.",
            next_step="Leave the weights out and name the number of classes, or start from pretrained weights.",
        )
    text = f"Random weights drawn from seed {seed}: nothing was learned before."
    provenance = {"source": "random", "text": text, "sha256": None, "licence": None}
    return create(card, classes=classes, seed=seed, image_size=image_size), card.preprocessing, provenance, None


def _pretrained(
    card: BackboneCard, classes: int | None, weights: str | None, seed: int, image_size: int, progress: Progress
) -> Parts:
    found = find_weights(card, weights, progress=progress)
    if classes is None and found.classes is None:
        raise WeightsUnavailable(
            f"The weights of {card.title} ({found.provenance['source']}) come without a classifier.",
            next_step="Choose a backbone whose weights have one.",
        )
    module = create(card, classes=classes or found.classes, seed=seed, image_size=image_size)
    load(module, found, classifier=classes is None)
    return module, found.preprocessing, found.provenance, _source_head(module, found)


def _source_head(module: nn.Module, found: Weights) -> nn.Module | None:
    """The classifier that came with the weights, beside the network and not in it."""
    names = head_tensors(module)
    if found.classes is None or any(name not in found.tensors for name in names):
        return None
    head = copy.deepcopy(classifier_of(module))
    weight, bias = (found.tensors[name].clone() for name in names)
    head.weight, head.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    setattr(head, "out_features" if isinstance(head, nn.Linear) else "out_channels", found.classes)
    return head.eval()
