"""How the probes of each source are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from timm.data import ImageNetInfo
from torch import nn

from tlcore.data.catalogue import DATASETS
from tlcore.data.load import load_sample, load_unlabelled
from tlcore.errors import Cancelled, SpecError, ThawError
from tlcore.models.ancestry import Ancestor
from tlcore.models.chain import source_of_run
from tlcore.models.head_swap import new_head
from tlcore.source_probes.asking import Asking
from tlcore.source_probes.catalogue import EARLIER, SOURCES
from tlcore.source_probes.imagenet_of_cifar10 import IMAGENET_CLASSES, sums
from tlcore.source_probes.look import Probe, log_probabilities
from tlcore.spec.run import SourceName

Why = MutableMapping[str, str]  # of what could not be had, a sentence
PHOTOS: Final = "natural-photos"


def imagenet_cifar10(asking: Asking, why: Why) -> dict[str, Probe]:
    """CIFAR-10's test images, asked by ImageNet's 1,000-way classifier."""
    _, head = asking.pretrained
    known = _outputs(head)
    if known != IMAGENET_CLASSES:
        raise SpecError(f"The classifier that came with the weights knows {known:,} classes, and not ImageNet's 1,000.")
    card = SOURCES["imagenet-cifar10"]
    images = load_sample(
        "cifar10",
        images=asking.images,
        image_size=asking.spec.image_size,
        split="test",
        interpolation=asking.interpolation,
        progress=asking.progress,
    )
    classes = DATASETS["cifar10"].classes
    return {
        card.name: Probe(
            name=card.name,
            title=card.title,
            measure=card.measure,
            chance=card.chance,
            images=images.images,
            labels=images.labels,
            ids=images.ids,
            classes=classes,
            head=head,
            sums=torch.from_numpy(sums(classes)),
        )
    }


def natural_photos(asking: Asking, why: Why) -> dict[str, Probe]:
    """Photographs without labels: the pretrained network's own answers are what later ones are held against.

    Every second one, in the order of their names, from the second on: a pull that rehearses photographs has the others.
    """
    network, head = asking.pretrained
    card = SOURCES["natural-photos"]
    photos = load_unlabelled(
        PHOTOS, image_size=asking.spec.image_size, interpolation=asking.interpolation, progress=asking.progress
    )
    rows = np.arange(1, len(photos), 2)
    chosen = photos.part(np.sort(np.random.default_rng(0).permutation(rows)[: asking.images]))
    return {
        card.name: Probe(
            name=card.name,
            title=card.title,
            measure=card.measure,
            chance=card.chance,
            images=chosen.images,
            labels=None,
            ids=chosen.ids,
            classes=_names(_outputs(head)),
            head=head,
            reference=log_probabilities(network, asking.machine, chosen.images, head),
        )
    }


def earlier_tasks(asking: Asking, why: Why) -> dict[str, Probe]:
    """One probe for each run of the chain, the first run's first."""
    if not asking.chain:
        raise SpecError("This run starts from no other run, so there is no earlier task.")
    probes = {}
    for ancestor in asking.chain:
        name = f"{EARLIER}{ancestor.run.id}"
        try:
            probes[name] = _earlier_task(name, ancestor, asking)
        except Cancelled:
            raise
        except ThawError as error:
            why[name] = str(error)
    return probes


def _earlier_task(name: str, ancestor: Ancestor, asking: Asking) -> Probe:
    old = source_of_run(ancestor.run)
    if (old.spec.head == "attention") != (asking.spec.head == "attention"):
        raise SpecError(
            f"The head of {ancestor.words} sees something else than this run's: one a map, the other a pooled vector."
        )
    head = new_head(asking.network.module, old.spec.head, len(old.classes))
    head.load_state_dict(old.head)
    images = load_sample(
        old.spec.dataset,
        labels=old.spec.labels,
        images=asking.images,
        image_size=asking.spec.image_size,
        split="test",
        classes=old.classes,
        interpolation=asking.interpolation,
        progress=asking.progress,
    )
    return Probe(
        name=name,
        title=f"Earlier task, {ancestor.task}",
        measure="accuracy",
        chance=float(np.bincount(images.labels).max() / len(images)),  # of always naming the largest class
        images=images.images,
        labels=images.labels,
        ids=images.ids,
        classes=old.classes,
        head=head.requires_grad_(False).eval(),
        patients=images.patients,
    )


def _outputs(head: nn.Module) -> int:
    """How many classes a linear or convolutional classifier knows."""
    return int(next(head.parameters()).shape[0])


def _names(count: int) -> tuple[str, ...]:
    """What the old classes are called, as far as that is known."""
    if count != IMAGENET_CLASSES:
        return tuple(f"class {place}" for place in range(count))
    imagenet = ImageNetInfo("imagenet-1k")
    return tuple(imagenet.index_to_description(place).partition(",")[0] for place in range(count))


KINDS: Final[Mapping[SourceName, Callable[[Asking, Why], dict[str, Probe]]]] = MappingProxyType(
    {"imagenet-cifar10": imagenet_cifar10, "natural-photos": natural_photos, "earlier-tasks": earlier_tasks}
)
